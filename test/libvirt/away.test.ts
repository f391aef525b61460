// While libvirt's daemon is away, a machine cannot be ended: that is said in time, nothing changes, and later it works.
import { strict as assert } from 'node:assert';
import { findBackend } from '../../server/backends/registry.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { heyvm, needCommandLine } from '../crash/support/commands.ts';
import { newStore } from '../crash/support/storm.ts';
import { whyNot } from '../isolation/support/target.ts';
import { type Engine, skipBecause } from '../process/support/engine.ts';
import { type Libvirtd, startLibvirtd } from './support/libvirtd.ts';

const NAME = 'lasting';

describe('machines whose libvirt is away', function () {
  this.timeout(180_000);
  let daemon: Libvirtd | undefined;
  let engine: Engine;

  before(async function () {
    needCommandLine.call(this);
    skipBecause(this, await whyNot(findBackend('libvirt')));
    daemon = await startLibvirtd();
    engine = await newStore('libvirt', { connect: daemon.uri });
    await engine.create({ name: NAME });
    await engine.exec(NAME, 'sh', '-c', 'echo kept >/dev/shm/mark');
  });

  after(async () => {
    try {
      await engine?.dispose();
    } finally {
      await daemon?.dispose();
    }
  });

  const settled = async (): Promise<SandboxInfo> =>
    (await engine.call('sandbox/get', { sandbox: NAME, settled: true })).sandbox;

  /** Twice, because the first one ends the owner and the second one finds none. */
  const isRefused = async (...words: readonly string[]): Promise<void> => {
    await daemon?.kill();
    try {
      for (const _time of [1, 2]) {
        const { code, stderr } = await heyvm(engine.home, ...words);
        assert.ok(code === 1 || code === 5, stderr);
        assert.match(stderr, /libvirt at qemu\+unix:\S+ does not answer: /);
        assert.match(stderr, /its libvirt listens/);
      }
    } finally {
      await daemon?.start();
    }
    assert.equal((await settled()).status, 'running');
    assert.equal((await engine.exec(NAME, 'cat', '/dev/shm/mark')).out, 'kept\n');
  };

  it('are not stopped, and go on', () => isRefused('stop', NAME));

  it('are not removed, and go on', () => isRefused('rm', NAME, '--force', '--yes'));

  it('are not removed when they are off either, with anything of theirs', async () => {
    assert.equal((await heyvm(engine.home, 'stop', NAME)).code, 0);
    await engine.call('sandbox/snapshot', { sandbox: NAME, name: 'one' });
    await daemon?.kill();
    const { code, stderr } = await heyvm(engine.home, 'rm', NAME, '--yes');
    await daemon?.start();
    assert.equal(code, 5, stderr);
    const { status, snapshots } = await engine.get(NAME);
    assert.deepEqual([status, snapshots?.length], ['stopped', 1]);
  });

  it('are started, stopped and removed when it is back', async () => {
    for (const words of [['start'], ['stop'], ['start'], ['rm', '--force', '--yes']] as const) {
      const [verb, ...flags] = words;
      const { code, stderr } = await heyvm(engine.home, verb, NAME, ...flags);
      assert.equal(code, 0, `${verb}: ${stderr}`);
    }
    assert.deepEqual((await engine.call('sandbox/list', {})).sandboxes, []);
  });
});
