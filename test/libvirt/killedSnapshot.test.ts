// Commands that take snapshots of machines are killed: what nobody wrote down goes, and nothing else does.
import { strict as assert } from 'node:assert';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { heyvm, needCommandLine } from '../crash/support/commands.ts';
import { assertTidied, killTaker, type Taker } from '../crash/support/killedSnapshot.ts';
import { newStore } from '../crash/support/storm.ts';
import { type Engine, skipBecause } from '../process/support/engine.ts';
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
