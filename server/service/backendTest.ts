// Tries a backend on this machine from end to end, with a throwaway that is gone afterwards.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findBackend } from '../backends/registry.ts';
import { fail, toSandboxError } from '../core/errors.ts';
import { runtimeOf } from '../core/presets.ts';
import { shellOf } from '../core/shell.ts';
import { connectOwner } from '../owner/connect.ts';
import type { Result } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { openFiles } from '../sftp/client.ts';
import type { Entry } from '../store/sandboxes.ts';
import { availabilityOf } from './availability.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { hiddenName } from './hiddenName.ts';

export type BackendTest = {
  readonly id: string;
  readonly image?: string | undefined;
  readonly cold?: boolean | undefined;
};

type Outcome = Result<HelperContract, 'backend/test'>;
type Steps = Outcome['steps'];

const WORD = 'heyvm was here';

export async function testBackend(
  deps: ServiceDeps,
  test: BackendTest,
  context: CallContext,
): Promise<Outcome> {
  const backend = findBackend(test.id);
  const { id, capabilities } = backend.manifest;
  const offline = capabilities.network.includes('none');
  const steps: Steps = [];
  const name = hiddenName('test');
  let entry: Entry | undefined;
  const there = (): Entry => entry ?? fail('internal', 'there is no sandbox to try');
  const all: [string, () => Promise<string | undefined>][] = [
    ['look for it', async () => describe(await availabilityOf(deps, backend, context.signal))],
    [
      'create and start',
      async () => {
        const { image, cold } = test;
        const spec = { name, backend: id, ...(offline ? { network: 'none' as const } : {}) };
        entry = await deps.sandboxes.create(
          { spec: { ...spec, image, cold }, purpose: 'throwaway' },
          context,
        );
        return entry.record.image;
      },
    ],
    ['run a program', async () => (hasShell(there()) ? runScript(there()) : runModule(there()))],
    ['write into the workspace', async () => (hasShell(there()) ? writeInside(there()) : readBack(there()))],
    // What has no shell has no routes to look at; that its network is closed is tested with a program that tries.
    ...(offline && shellOf(runtimeOf(capabilities)) === 'posix'
      ? ([['network none reaches nothing', async () => expectNoRoute(there())]] as typeof all)
      : []),
    [
      'stop',
      async () => {
        entry = await deps.sandboxes.stop(there().record.id, {}, context);
        return undefined;
      },
    ],
  ];
  for (const [step, work] of all) await attempt(steps, step, { work, context });
  // Whatever failed, nothing of it stays; and a cancelled test has to be tidied up as well.
  await attempt(steps, 'remove', { work: () => removeAll(deps, name), context, always: true });
  context.signal.throwIfAborted();
  return { backend: id, passed: steps.every(({ outcome }) => outcome === 'passed'), steps };
}

type Attempt = {
  readonly work: () => Promise<string | undefined>;
  readonly context: CallContext;
  readonly always?: true;
};

async function attempt(steps: Steps, name: string, { work, context, always }: Attempt): Promise<void> {
  if (always === undefined && steps.some(({ outcome }) => outcome !== 'passed')) {
    steps.push({ name, duration_ms: 0, outcome: 'not run' });
    return;
  }
  context.progress({ phase: name });
  const begin = performance.now();
  const spent = (): number => Math.round((performance.now() - begin) * 10) / 10;
  try {
    const detail = await work();
    steps.push({
      name,
      duration_ms: spent(),
      outcome: 'passed',
      ...(detail === undefined ? {} : { detail }),
    });
  } catch (thrown) {
    const { message, hint } = toSandboxError(thrown);
    const detail = hint === undefined ? message : `${message} (${hint})`;
    steps.push({ name, duration_ms: spent(), outcome: 'failed', detail });
  }
}

function describe(found: Awaited<ReturnType<typeof availabilityOf>>): string {
  if (found.kind === 'ready') return [found.version, ...found.notes].join('; ');
  if (found.kind === 'unsupported') return fail('backend-missing', found.why);
  return fail('backend-missing', found.what, { hint: found.fix });
}

/** Answers what the shell printed. */
function shell(entry: Entry, script: string): Promise<string> {
  return output(entry, ['/bin/sh', '-c', script]);
}

async function output(entry: Entry, argv: string[]): Promise<string> {
  const { guest } = connectOwner(entry);
  const child = await guest.exec({ argv });
  child.stdin.on('error', () => {
    // A shell that ended reads no more.
  });
  child.stdin.end();
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const status = await child.exited;
  if (status.kind === 'exited' && status.code === 0) return out.trim();
  return fail('guest-failed', `${argv[0]} inside ended with ${JSON.stringify(status)}: ${err.trim()}`);
}

async function expectOutput(entry: Entry, script: string, expected: string): Promise<undefined> {
  const said = await shell(entry, script);
  if (said !== expected) fail('guest-failed', `it printed ${JSON.stringify(said)} instead of ${expected}`);
}

function hasShell({ record }: Entry): boolean {
  return shellOf(record.runtime) === 'posix';
}

function runScript(entry: Entry): Promise<undefined> {
  return expectOutput(entry, 'echo "$((6 * 7))"', '42');
}

/** A module for WASI preview 1 whose `_start` writes `42` and a newline. */
const FORTY_TWO = [
  'AGFzbQEAAAABDAJgBH9/f38Bf2AAAAIjARZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxCGZkX3dyaXRlAAADAgEBBQMBAAEHEwIG',
  'bWVtb3J5AgAGX3N0YXJ0AAEKDwENAEEBQQBBAUEQEAAaCwsRAQBBAAsLCAAAAAMAAAA0Mgo=',
].join('');

/** The workspace of the test is live or was copied when it began, so that the module is put there over SFTP. */
async function runModule(entry: Entry): Promise<undefined> {
  const files = await openFiles(await connectOwner(entry).guest.sftp());
  try {
    await files.write('/workspace/tried.wasm', only(Buffer.from(FORTY_TWO, 'base64')), 0o644);
  } finally {
    files.close();
  }
  const said = await output(entry, ['/workspace/tried.wasm']);
  if (said !== '42') fail('guest-failed', `it printed ${JSON.stringify(said)} instead of 42`);
}

/** What was written for the guest is on the host where the backend shows the folder itself. */
async function readBack(entry: Entry): Promise<undefined> {
  const { capabilities } = findBackend(entry.record.backend_type).manifest;
  if (capabilities.workspace === 'copy') return;
  const file = join(entry.record.workspace.path, 'tried.wasm');
  const found = await readFile(file, 'base64');
  if (found !== FORTY_TWO) fail('guest-failed', `${file} has something else than was written inside`);
  await rm(file);
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Both ways: a file of the guest is on the host where the backend shows the folder itself, and readable inside. */
async function writeInside(entry: Entry): Promise<undefined> {
  await expectOutput(entry, `echo '${WORD}' >/workspace/tried && cat /workspace/tried`, WORD);
  const { capabilities } = findBackend(entry.record.backend_type).manifest;
  if (capabilities.workspace === 'copy') return;
  const file = join(entry.record.workspace.path, 'tried');
  const found = await readFile(file, 'utf8');
  if (found.trim() !== WORD) fail('guest-failed', `${file} has something else than the guest wrote`);
  await rm(file);
}

/** Without a route other than the loopback device's, no packet leaves. Read by the shell itself, for an image may have no tools. */
async function expectNoRoute(entry: Entry): Promise<undefined> {
  const routes = await shell(
    entry,
    'for f in /proc/net/route /proc/net/ipv6_route; do [ -r $f ] && while read -r line; do echo "$line"; done <$f; done; true',
  );
  const open = routes
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('Iface') && !/\blo$|^lo\b/.test(line.trim()));
  if (open.length > 0)
    fail('policy-unenforceable', `the guest has routes although its network is none: ${open[0]}`);
}

async function removeAll({ sandboxes }: ServiceDeps, name: string): Promise<undefined> {
  const { entries } = await sandboxes.list();
  const left = entries.find(({ record }) => record.name === name);
  const context = { signal: new AbortController().signal, progress: () => {} };
  if (left !== undefined) await sandboxes.remove(left.record.id, { force: true }, context);
}
