// What only whole machines do: they outlive libvirt's daemon and their owner, stand still, go to disk, and come back.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import type { LaunchRequest } from '../../server/core/backend.ts';
import type { Guest } from '../../server/core/guest.ts';
import type { Run } from '../../server/core/ports.ts';
import { run } from '../../server/platform/run.ts';
import { type Bench, makeBench, runIn, succeeded } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import { groundOf } from '../support/grounds.ts';
import { inAnotherOwner } from './support/anotherOwner.ts';
import { type Libvirtd, startLibvirtd } from './support/libvirtd.ts';

describe('machines', function () {
  // Each starts a machine from nothing, which takes its time where QEMU interprets the processor.
  this.timeout(180_000);
  let daemon: Libvirtd;
  let bench: Bench;

  before(async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: machines: ${why}`);
      return this.skip();
    }
    daemon = await startLibvirtd(await freePort());
  });

  after(() => daemon?.dispose());

  beforeEach(async () => {
    bench = await makeBench(libvirt);
  });

  afterEach(() => bench?.dispose());

  const start = (change: Partial<LaunchRequest> = {}): ReturnType<Bench['start']> =>
    bench.start({ options: { connect: daemon.uri }, cold: true, ...change });

  it('go on when libvirt’s daemon is killed, and are found by the next one, also in a snapshot', async () => {
    const { guest, ref } = await start();
    const child = await guest.exec({ argv: ['sh', '-c', 'read line; echo "heard $line"'] });
    await daemon.kill();
    child.stdin.end('on\n');
    assert.equal(await textOf(child.stdout), 'heard on\n');
    await daemon.start();
    assert.equal(await bench.driver.inspect(bench.context, ref), 'running');
    const waking = onceWithout(daemon, 'resume');
    const context = { ...bench.context, run: waking.run };
    await bench.driver.snapshots?.take(context, ref, { name: 'one', guest, memory: 'unwanted' });
    assert.deepEqual([waking.codes[0], waking.codes.at(-1)], [1, 0]);
    assert.deepEqual(await guest.stop({ graceMs: 20_000 }), { kind: 'stopped', forced: false });
  });

  it('are attached to by the next owner, which finds programs that it did not start', async () => {
    const request = bench.request({ options: { connect: daemon.uri }, cold: true });
    const ref = await inAnotherOwner(bench, request);
    assert.equal(await bench.driver.inspect(bench.context, ref), 'running');
    const { guest } = await bench.start(request);
    assert.deepEqual((await runIn(guest, 'kill -0 $(cat /tmp/pid)')).status, succeeded);
    assert.deepEqual(await guest.stop({ graceMs: 20_000 }), { kind: 'stopped', forced: false });
  });

  it('say that they were killed', async () => {
    const { guest, ref, request } = await start();
    process.kill(await pidOf(request), 'SIGKILL');
    const end = await guest.ended;
    assert.deepEqual(end, { kind: 'died', reason: 'QEMU crashed or was killed' });
    assert.equal(await bench.driver.inspect(bench.context, ref), 'stopped');
  });

  it('stand still and go on', async () => {
    const { guest, ref } = await start();
    const { pausing } = bench.driver;
    for (const _twice of [1, 2]) await pausing?.pause(bench.context, ref);
    assert.equal(await bench.driver.inspect(bench.context, ref), 'paused');
    for (const _twice of [1, 2]) await pausing?.resume(bench.context, ref);
    assert.equal((await runIn(guest, 'echo on')).stdout, 'on\n');
  });

  it('go to disk with their programs, and go on with them', async () => {
    const { guest, ref, request } = await start();
    await runIn(guest, 'cd /; sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >/tmp/pid');
    await bench.driver.suspending?.suspend(bench.context, ref, guest);
    assert.equal((await guest.ended).kind, 'died');
    assert.equal(await bench.driver.inspect(bench.context, ref), 'stopped');
    const again = await bench.driver.open(bench.context, ref, request);
    assert.deepEqual(
      (await runIn(again, 'kill -0 $(cat /tmp/pid) && cd /workspace && pwd')).status,
      succeeded,
    );
    await again.stop({ graceMs: 0 });
  });

  it('do not go to disk while a program is in the workspace, and name it', async () => {
    const { guest, ref } = await start();
    await guest.exec({ argv: ['sleep', '1000'], cwd: '/workspace' });
    const { suspending } = bench.driver;
    assert.ok(suspending);
    await assert.rejects(suspending.suspend(bench.context, ref, guest), { code: 'busy', message: /sleep/ });
    assert.equal((await runIn(guest, 'pwd')).stdout, '/workspace\n');
  });

  it('have their workspace again when they could not go to disk', async () => {
    const { guest, ref } = await start();
    await runIn(guest, 'echo theirs >/workspace/file');
    const failing: Run = (argv, options) =>
      run(argv.includes('managedsave') ? [argv[0], 'managedsave', 'nobody'] : argv, options);
    const { suspending } = bench.driver;
    assert.ok(suspending);
    const context = { ...bench.context, run: failing };
    await assert.rejects(suspending.suspend(context, ref, guest), { code: 'command-failed' });
    assert.equal((await runIn(guest, 'cat /workspace/file')).stdout, 'theirs\n');
  });

  it('are put back to a snapshot of their disk, and a new one begins with it', async () => {
    const { guest, ref, request } = await start();
    await runIn(guest, 'echo one >$HOME/file');
    const snapshots = bench.driver.snapshots;
    assert.ok(snapshots);
    const { ref: snapshot } = await snapshots.take(bench.context, ref, {
      ...{ name: 'one', guest, memory: 'unwanted' },
    });
    await runIn(guest, 'echo two >$HOME/file');
    await guest.stop({ graceMs: 20_000 });
    const other = await makeBench(libvirt);
    try {
      const fork = await other.start({ ...{ options: request.options, cold: true }, from: snapshot });
      assert.equal((await runIn(fork.guest, 'cat $HOME/file')).stdout, 'one\n');
    } finally {
      await other.dispose();
    }
    const restored = await snapshots.restore(bench.context, ref, snapshot);
    const again = await bench.driver.open(bench.context, restored, request);
    assert.equal((await runIn(again, 'cat $HOME/file')).stdout, 'one\n');
    await again.stop({ graceMs: 0 });
    assert.deepEqual(await snapshots.drop(bench.context, snapshot), []);
    assert.deepEqual(readdirSync(join(bench.context.state, 'snapshots')), []);
  });

  it('get a larger disk and more memory at their next start', async () => {
    const { guest, ref, request } = await start();
    const sizes = async (of: Guest): Promise<{ disk: number; memory: number }> => {
      const { stdout } = await runIn(
        of,
        "df --output=size -B1 / | tail -1; sed -n 's/MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo",
      );
      const [disk = 0, memory = 0] = stdout.trim().split(/\s+/).map(Number);
      return { disk, memory };
    };
    const before = await sizes(guest);
    await guest.stop({ graceMs: 20_000 });
    const limits = { disk: before.disk + 4 * GIB, memory: 2 * GIB };
    const again = await bench.driver.open(bench.context, ref, { ...request, limits });
    const after = await sizes(again);
    assert.ok(after.disk > before.disk + 3 * GIB, JSON.stringify({ before, after }));
    assert.ok(after.memory > before.memory * 1.7, JSON.stringify({ before, after }));
    await again.stop({ graceMs: 0 });
  });

  it('are swept when their sandbox is gone, and others are left alone', async () => {
    const { guest, request } = await start();
    const context = { ...bench.context, options: request.options };
    const other = { ...context, storeId: 'other' };
    // What an earlier build left in the folder that all share is named once, and is none of a machine's.
    for (const { path } of await bench.driver.sweep(other, new Set())) assert.ok(!path.includes(request.id));
    assert.deepEqual(await bench.driver.sweep(other, new Set()), []);
    assert.deepEqual(await bench.driver.sweep(context, new Set([request.id])), []);
    assert.deepEqual(await bench.driver.sweep(context, new Set()), []);
    renameSync(context.state, `${context.state}-lost`);
    const [swept] = await bench.driver.sweep(context, new Set());
    assert.match(swept?.path ?? '', new RegExp(request.id));
    assert.equal((await guest.ended).kind, 'died');
  });
});

const GIB = 1024 ** 3;

async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() === 0) return 'root has no libvirt of its own';
  const ground = await groundOf(libvirt);
  if (ground.kind === 'not run') return ground.why;
  const driver = await libvirt.load();
  const bench = await makeBench(libvirt);
  const found = await driver.probe(bench.context);
  await bench.dispose();
  if (found.kind === 'ready') return undefined;
  return found.kind === 'missing' ? found.what : found.why;
}

/** By the name that libvirt gives a machine on QEMU's command line. */
function pidOf({ id }: LaunchRequest): Promise<number> {
  return eventually(() =>
    readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(Number)
      .find(pid => commandOf(pid).includes(id) && commandOf(pid).includes('guest=heyvm')),
  );
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It ended while the list was read.
    return '';
  }
}

/** The daemon is away the first time that it is asked for this. */
function onceWithout(daemon: Libvirtd, command: string): { run: Run; codes: readonly number[] } {
  const codes: number[] = [];
  return {
    codes,
    async run(argv, options) {
      if (!argv.includes(command)) return run(argv, options);
      if (codes.length === 0) await daemon.kill();
      const result = await run(argv, options);
      if (codes.push(result.code) === 1) await daemon.start();
      return result;
    },
  };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
