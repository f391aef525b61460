// What an editor's ssh extension starts inside, where it looks for it: shown from the cache of this machine, or copied.
import { basename } from 'node:path';
import { fail, toSandboxError } from '../core/errors.ts';
import { SHARED_SERVERS } from '../core/launch.ts';
import { ensureProgram, ensureServer } from '../editor/cache.ts';
import {
  COPY_PROGRAM_SCRIPT,
  COPY_SCRIPT,
  FIND_PROGRAM_SCRIPT,
  FIND_SCRIPT,
  keyOf,
  PROGRAM,
  programArtifactOf,
  type ServerPlatform,
  versionFolder,
} from '../editor/place.ts';
import { spawnChild } from '../platform/spawn.ts';
import { startDeadline } from '../programs/deadline.ts';
import { outcomeOf } from '../programs/outcome.ts';
import type { EditorProduct, PlacedProgram } from '../protocol/editorMethods.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { type Guest, runScript } from './guestScript.ts';

export type Placing = {
  readonly deps: ServiceDeps;
  readonly guest: Guest;
  readonly product: EditorProduct;
  readonly platform: ServerPlatform;
  /** Into the guest itself, even where it could be shown. */
  readonly copy: boolean;
};

type Found = { how: 'present' | 'shared'; path: string; version: string };
type Placed = { how: 'present' | 'shared' | 'copied'; path: string; version: string };

/** Its first start reads the whole server, which an emulated machine does slowly. */
const FIND_MS = 120_000;
const COPY_MS = 1_200_000;

export async function placeServer(placing: Placing, context: CallContext): Promise<Placed> {
  const { deps, guest, product, platform } = placing;
  const shown = shownIn(placing, platform.artifact);
  const words = [product.data_folder, product.commit, product.application, versionFolder(product), shown];
  const part: Part = {
    what: 'the server of the editor',
    find: { script: FIND_SCRIPT, words },
    copy: { script: COPY_SCRIPT, words },
    ensure: () => ensureServer(deps, { product, platform }, context),
  };
  return place(guest, part, context);
}

/** An editor can fetch it itself where the sandbox has a network, so that it keeps nobody from going on. */
export async function placeProgram(
  placing: Placing,
  context: CallContext,
): Promise<PlacedProgram | undefined> {
  const { deps, guest, product, platform } = placing;
  const artifact = programArtifactOf(product, platform);
  if (artifact === undefined) return undefined;
  const shown = shownIn(placing, artifact);
  const words = [product.data_folder, product.commit, shown === '' ? '' : `${shown}/${PROGRAM}`];
  const part: Part = {
    what: 'the program of Remote-SSH',
    find: { script: FIND_PROGRAM_SCRIPT, words },
    copy: { script: COPY_PROGRAM_SCRIPT, words },
    ensure: () => ensureProgram(deps, { product, artifact }, context),
  };
  try {
    const { how, path } = await place(guest, part, context);
    return { how, path };
  } catch (thrown) {
    context.signal.throwIfAborted();
    return { how: 'missing', why: toSandboxError(thrown).message };
  }
}

function shownIn({ product, copy }: Placing, artifact: string): string {
  return copy ? '' : `${SHARED_SERVERS}/${keyOf(product, artifact)}`;
}

type Part = {
  readonly what: string;
  readonly find: GuestScript;
  readonly copy: GuestScript;
  /** The folder of the cache. */
  readonly ensure: () => Promise<string>;
};

type GuestScript = { readonly script: string; readonly words: readonly string[] };

async function place(
  guest: Guest,
  { what, find, copy, ensure }: Part,
  context: CallContext,
): Promise<Placed> {
  const before = await found(guest, find);
  if (before !== undefined) return before;
  const folder = await ensure();
  const shared = await found(guest, find);
  if (shared !== undefined) return shared;
  context.progress({ phase: `copying ${what} into the sandbox`, detail: basename(folder) });
  await copyInto(guest, { what, folder, ...copy }, context.signal);
  const placed = await found(guest, find);
  if (placed === undefined) return fail('guest-failed', `${what} does not run inside`);
  return { ...placed, how: 'copied' };
}

async function found(guest: Guest, { script, words }: GuestScript): Promise<Found | undefined> {
  const { stdout } = await runScript(guest, { script, words, limitMs: FIND_MS });
  const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1];
  const [how, path, version] = [said('found'), said('path'), said('version')];
  if ((how !== 'present' && how !== 'shared') || path === undefined || version === undefined)
    return undefined;
  return { how, path, version };
}

type Copy = GuestScript & { readonly what: string; readonly folder: string };

/** As one stream from tar to tar, because a server has ten thousand files. */
async function copyInto(guest: Guest, asked: Copy, signal: AbortSignal): Promise<void> {
  const { what, folder, script, words } = asked;
  const inside = await guest.exec({ argv: ['/bin/sh', '-c', script, 'sh', ...words], cwd: '/' });
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };
  const packing = spawnChild(['tar', '-cf', '-', '-C', folder, '.'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const stop = () => {
    packing.kill('SIGKILL');
    inside.hangUp();
  };
  signal.addEventListener('abort', stop, { once: true });
  packing.once('error', stop);
  // A guest that ends early says why on stderr.
  inside.stdin.on('error', () => packing.kill('SIGKILL'));
  packing.stdout?.pipe(inside.stdin);
  const deadline = startDeadline(inside, COPY_MS);
  try {
    const { result } = await outcomeOf(inside, deadline);
    signal.throwIfAborted();
    if (result.exit_code === 0) return;
    const why = result.stderr.trim().split('\n').slice(-3).join('; ');
    fail('guest-failed', `${what} cannot be put into the sandbox: ${why}`, {
      hint: 'heyvm editor check says what the guest lacks',
    });
  } finally {
    deadline.clear();
    packing.kill('SIGKILL');
    signal.removeEventListener('abort', stop);
  }
}
