// The process of one guest: told what it is by the first line of its input, it serves the guest on a socket until it
// is told to stop, or until its input ends, as it does when its owner dies.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fail, toErrorInfo, toSandboxError } from '../../../core/errors.ts';
import { listen } from '../../../platform/sockets.ts';
import { parseJson } from '../../../protocol/parse.ts';
import { serveChannel } from '../../../wire/serve.ts';
import { GuestTree } from '../../kit/guestTree.ts';
import { type GuestPlan, runtimePrograms, topMounts } from '../plan.ts';
import { type Said, Told } from '../words.ts';
import { openGuest, type RunningGuest } from './guest.ts';
import { hostFiles } from './hostFiles.ts';
import { loadSource, Programs } from './programs.ts';
import { compile, openRuntime } from './sdk.ts';

const runtimeFiles = {
  // Compiled while it is not told yet what it is for.
  wasm: compile(readFileSync(join(import.meta.dirname, 'wasix.wasm'))),
  urls: {
    worker: new URL('wasix-worker.mjs', import.meta.url),
    sdk: new URL('wasix-sdk.mjs', import.meta.url),
  },
};

function say(words: Said): void {
  process.stdout.write(`${JSON.stringify(words)}\n`);
}

if (process.argv.includes('--probe')) await probe();

const lines = createInterface({ input: process.stdin });
let guest: RunningGuest | undefined;

lines.on('line', line => {
  const told = parseJson(Told, line);
  // Only our own owner writes here; what it says that we do not know is from another version of us.
  if (!told.ok) process.exit(1);
  if ('plan' in told.value) void start(told.value.plan);
  else void stop(told.value.stop.graceMs);
});
lines.once('close', () => process.exit(0));

async function start(plan: GuestPlan): Promise<void> {
  try {
    guest = await open(plan);
    const served = guest;
    await listen(
      plan.socket,
      socket => void serveChannel(socket, { guest: served, log: line => console.error(line) }),
    );
    say({ ready: true });
    // Most guests are ended by force, and so would never come to keep the compiled form of this program.
    process.getBuiltinModule('node:module').flushCompileCache();
  } catch (thrown) {
    say({ error: toErrorInfo(toSandboxError(thrown)) });
    process.stdout.end(() => process.exit(1));
  }
}

async function open(plan: GuestPlan): Promise<RunningGuest> {
  const tree = new GuestTree(plan.mounts);
  const mounts = new Map(topMounts(plan.mounts).map((place, index) => [index + 1, place]));
  const runtime = await openRuntime({
    files: hostFiles(tree, mounts, line => guest?.remark(line)),
    mounts,
    ...runtimeFiles,
    cache: plan.cache,
  });
  const packages = await Promise.all(
    plan.sources.map(source => loadSource(runtime, source, progress => say({ progress }))),
  );
  const programs = new Programs(runtime, packages, tree);
  requireRuntime(plan, programs.names());
  const sandbox = await runtime.sandboxes.create({
    packages,
    env: plan.env,
    network: { mode: plan.network === 'open' ? 'host' : 'disabled' },
  });
  programs.attach(sandbox);
  return openGuest({ plan, tree, sandbox, programs });
}

function requireRuntime({ runtime, sources }: GuestPlan, names: readonly string[]): void {
  const wanted = runtimePrograms[runtime];
  if (wanted.length === 0 || wanted.some(name => names.includes(name))) return;
  fail('runtime-missing', `the ${runtime} runtime is not in ${sources.map(({ name }) => name).join(', ')}`, {
    hint: `its programs are ${names.join(', ') || 'none'}; leave out the image to get ${runtime} from the registry`,
  });
}

/** Starts the runtime and nothing in it. */
async function probe(): Promise<never> {
  const none = new Map<number, string>();
  const tree = new GuestTree([]);
  await openRuntime({ ...runtimeFiles, files: hostFiles(tree, none), mounts: none, cache: false });
  process.stdout.write(`Wasmer SDK ${process.env['HEYVM_WASMER'] ?? ''} on Node ${process.versions.node}\n`);
  process.exit(0);
}

async function stop(graceMs: number): Promise<void> {
  const forced = (await guest?.end(graceMs)) ?? false;
  say({ stopped: { forced } });
  // Nothing is left to be done, and ending the threads one by one would take longer.
  process.stdout.end(() => process.kill(process.pid, 'SIGKILL'));
}
