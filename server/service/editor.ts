// The methods about servers of editors: what they need of a guest, and how they get there before a window asks for them.
import { basename } from 'node:path';
import { fail, toSandboxError } from '../core/errors.ts';
import { SHARED_SERVERS } from '../core/launch.ts';
import { ensureServer } from '../editor/cache.ts';
import { gapsOf, noShell } from '../editor/judge.ts';
import { COPY_SCRIPT, FIND_SCRIPT, keyOf, platformOf, versionFolder } from '../editor/place.ts';
import { PROBE_SCRIPT, readFacts } from '../editor/probe.ts';
import { connectOwner } from '../owner/connect.ts';
import { spawnChild } from '../platform/spawn.ts';
import { startDeadline } from '../programs/deadline.ts';
import { outcomeOf } from '../programs/outcome.ts';
import type { Handlers, Result } from '../protocol/contract.ts';
import type { EditorProduct, GuestFacts } from '../protocol/editorMethods.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { withLock } from '../store/lock.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { serveWeb, webProduct } from './editorWeb.ts';
import { type Guest, runScript } from './guestScript.ts';

type Methods = Extract<keyof HelperContract, `editor/${string}`>;

const PROBE_MS = 30_000;
/** Its first start reads the whole server, which an emulated machine does slowly. */
const FIND_MS = 120_000;
const COPY_MS = 1_200_000;

export function editorHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const guestOf = async (sandbox: string): Promise<Guest> =>
    connectOwner(await deps.sandboxes.find(sandbox)).guest;
  return {
    'editor/check': async ({ sandbox }) => {
      const facts = await probe(await guestOf(sandbox));
      return facts === undefined ? { gaps: [noShell] } : { facts, gaps: [...gapsOf(facts)] };
    },
    'editor/prepare': async ({ sandbox, product, copy = false }, context) => {
      const { record } = await deps.sandboxes.find(sandbox);
      const guest = await guestOf(record.id);
      const options = { wait: 'wait', signal: context.signal } as const;
      return withLock(deps.paths, `server-in-${record.id}`, options, () =>
        prepare(deps, { guest, product, pages: false, copy }, context),
      );
    },
    'editor/serve': async ({ sandbox, product }, context) => {
      const { record } = await deps.sandboxes.find(sandbox);
      const guest = await guestOf(record.id);
      const options = { wait: 'wait', signal: context.signal } as const;
      return withLock(deps.paths, `server-in-${record.id}`, options, async () => {
        await prepare(deps, { guest, product: webProduct(product), pages: true, copy: false }, context);
        context.progress({ phase: 'starting the server of the editor' });
        return serveWeb(guest, product, context.signal);
      });
    },
  };
}

type Preparation = {
  readonly guest: Guest;
  readonly product: EditorProduct;
  readonly pages: boolean;
  readonly copy: boolean;
};

async function prepare(
  deps: ServiceDeps,
  { guest, product, pages, copy }: Preparation,
  context: CallContext,
): Promise<Result<HelperContract, 'editor/prepare'>> {
  context.progress({ phase: 'looking for the server of the editor' });
  const facts = (await probe(guest)) ?? fail('unsupported', noShell.detail, { hint: noShell.fix });
  const platform = platformOf(facts, pages ? 'pages' : 'ssh');
  const shown = copy ? '' : `${SHARED_SERVERS}/${keyOf(product, platform)}`;
  const words = [product.data_folder, product.commit, product.application, versionFolder(product), shown];
  const before = await find(guest, words);
  if (before !== undefined) return before;
  const folder = await ensureServer(deps, { product, platform }, context);
  const shared = await find(guest, words);
  if (shared !== undefined) return shared;
  context.progress({ phase: 'copying the server of the editor into the sandbox', detail: basename(folder) });
  await copyInto(guest, { folder, words }, context.signal);
  const placed = await find(guest, words);
  if (placed === undefined) return fail('guest-failed', 'the server of the editor does not run inside');
  return { ...placed, how: 'copied' };
}

async function probe(guest: Guest): Promise<GuestFacts | undefined> {
  try {
    const { stdout } = await runScript(guest, { script: PROBE_SCRIPT, words: [], limitMs: PROBE_MS });
    return readFacts(stdout);
  } catch (thrown) {
    // What has no shell is no system in which a server could run.
    if (toSandboxError(thrown).code === 'path-not-found') return undefined;
    throw thrown;
  }
}

type Found = { how: 'present' | 'shared'; path: string; version: string };

async function find(guest: Guest, words: readonly string[]): Promise<Found | undefined> {
  const { stdout } = await runScript(guest, { script: FIND_SCRIPT, words, limitMs: FIND_MS });
  const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1];
  const [how, path, version] = [said('found'), said('path'), said('version')];
  if ((how !== 'present' && how !== 'shared') || path === undefined || version === undefined)
    return undefined;
  return { how, path, version };
}

type Copy = { readonly folder: string; readonly words: readonly string[] };

/** As one stream from tar to tar, because a server has ten thousand files. */
async function copyInto(guest: Guest, { folder, words }: Copy, signal: AbortSignal): Promise<void> {
  const inside = await guest.exec({ argv: ['/bin/sh', '-c', COPY_SCRIPT, 'sh', ...words], cwd: '/' });
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
    fail('guest-failed', `the server of the editor cannot be put into the sandbox: ${why}`, {
      hint: 'heyvm editor check says what the guest lacks',
    });
  } finally {
    deadline.clear();
    packing.kill('SIGKILL');
    signal.removeEventListener('abort', stop);
  }
}
