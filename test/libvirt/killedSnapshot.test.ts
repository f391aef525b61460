// Commands that take snapshots of machines are killed: what nobody wrote down goes, and nothing else does.
import { strict as assert } from 'node:assert';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import { DEFAULT_URI } from '../../server/backends/libvirt/options.ts';
import { domainStates, libvirtAt } from '../../server/backends/libvirt/virsh.ts';
import { run } from '../../server/platform/run.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { heyvm, needCommandLine, startCommand } from '../crash/support/commands.ts';
import { assertTidied, killTaker, type Taker } from '../crash/support/killedSnapshot.ts';
import { newStore } from '../crash/support/storm.ts';
import { type Engine, kill, skipBecause } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { groundOf } from '../support/grounds.ts';

describe('snapshots of machines, when who takes them is killed', function () {
  this.timeout(600_000);
  let engine: Engine | undefined;
  let taker: Taker;

  before(async function () {
    needCommandLine.call(this);
    const ground = await groundOf(libvirt);
    skipBecause(this, ground.kind === 'not run' ? ground.why : undefined);
    engine = await newStore('libvirt', {});
    const { id } = await engine.create({ name: 'kept', cold: true });
    const folder = join(sandboxPaths(engine.paths, id).state, 'snapshots');
    const things = async (): Promise<string[]> => (existsSync(folder) ? readdirSync(folder).sort() : []);
    taker = { engine, sandbox: id, things };
  });

  after(async () => engine?.dispose());

  it('go on with their programs and their workspace when their owner dies while they stand still', async () => {
    const { engine: own, sandbox, things } = taker;
    await own.exec(sandbox, 'sh', '-c', 'echo kept >/dev/shm/mark; echo theirs >/workspace/file');
    const kept = await things();
    await killOwner(taker);
    await own.call('sandbox/get', { sandbox, settled: true });
    assert.equal((await own.exec(sandbox, 'cat', '/dev/shm/mark', '/workspace/file')).out, 'kept\ntheirs\n');
    assert.equal((await own.get(sandbox)).status, 'running');
    await assertTidied(taker, kept);
  });

  it('stay paused by whoever paused them when their owner dies', async () => {
    const { engine: own, sandbox } = taker;
    assert.equal((await heyvm(own.home, 'pause', sandbox)).code, 0);
    const { owner } = await own.get(sandbox);
    assert.ok(owner !== undefined);
    kill(owner.pid);
    await eventually(async () => (await own.get(sandbox)).owner?.pid !== owner.pid, { what: 'its end' });
    const { sandbox: found } = await own.call('sandbox/get', { sandbox, settled: true });
    assert.equal(found.status, 'paused');
    assert.equal((await heyvm(own.home, 'resume', sandbox)).code, 0);
    assert.equal((await own.exec(sandbox, 'cat', '/dev/shm/mark')).out, 'kept\n');
  });

  for (const moment of ['made', 'begun'] as const) {
    it(`leave nothing behind, and all others as they are: ${moment}`, async () => {
      const { engine: own, sandbox, things } = taker;
      assert.equal((await heyvm(own.home, 'snapshot', sandbox, `known-${moment}`)).code, 0);
      const kept = await things();
      await killTaker(taker, moment);
      await assertTidied(taker, kept);
      // Also the programs inside, which stood still for a moment.
      assert.equal((await own.exec(sandbox, 'echo', 'here')).out, 'here\n');
    });
  }
});

/** While the machine stands still for a snapshot; its command hears of it and fails. */
async function killOwner({ engine, sandbox, things }: Taker): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const known = (await things()).length;
    const { owner } = await engine.get(sandbox);
    assert.ok(owner !== undefined);
    const { ended } = startCommand(engine.home, 'snapshot', sandbox, `lost-${attempt}`);
    const begun = async (): Promise<boolean> => (await things()).length > known;
    await eventually(begun, { withinMs: 120_000, everyMs: 2, what: 'the begin of a snapshot' });
    kill(owner.pid);
    const { code } = await ended;
    const domains = await libvirtAt(DEFAULT_URI, { run, signal: new AbortController().signal }).domains();
    if (
      code !== 0 &&
      domains.some(({ name, state }) => name.endsWith(sandbox) && state === domainStates.paused)
    )
      return;
    // The machine went on just before.
    await engine.call('sandbox/get', { sandbox, settled: true });
    if (code === 0) await heyvm(engine.home, 'snapshot', sandbox, '--remove', `lost-${attempt}`);
  }
}
