// Programs in a jail plant what could run on the host; then git runs on the host, plainly and as heyvm runs it.
import { strict as assert } from 'node:assert';
import { hazardsOf } from '../../server/worktrees/hazards.ts';
import { canJail, openJail } from './support/jail.ts';
import { attacks, workWhenCareless } from './support/plants.ts';
import { assertHarmful, assertHarmless, makeSiege, plantScript, type Siege } from './support/siege.ts';

describe('what a guest plants does not run on the host', function () {
  this.timeout(120_000);
  let siege: Siege;

  before(function () {
    if (canJail()) return;
    console.log('not run: bubblewrap cannot make a jail on this machine');
    this.skip();
  });

  beforeEach(async () => {
    siege = await makeSiege();
  });
  afterEach(() => siege.lab.dispose());

  const plant = async (script: string, kind?: 'careless'): Promise<void> => {
    const jail = await openJail(siege.lab, siege.worktree, kind);
    jail.sh(plantScript(siege, script));
  };

  for (const [name, attack] of Object.entries(attacks)) {
    it(name, async () => {
      await plant(attack.script);
      await assertHarmless(siege, attack);
    });
  }

  it('warns exactly of nested repositories that git would enter', async () => {
    const { lab, target, worktree } = siege;
    await plant('evil loose');
    assert.deepEqual(await hazardsOf(target.own, worktree), []);
    await plant('git -c core.fsmonitor= add loose');
    assert.match((await hazardsOf(target.own, worktree)).join('\n'), /"loose"/);
    lab.tryGit(worktree, 'status');
    assert.equal(siege.isBroken(), true, 'git has become safe here: the warning and its sentence can go');
  });

  for (const name of workWhenCareless) {
    it(`would run with the whole git folder writable: ${name}`, async () => {
      await plant(`ln -s . $C/host; ${attacks[name]?.script}`, 'careless');
      assertHarmful(siege);
    });
  }
});
