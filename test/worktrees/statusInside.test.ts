// Looking at what changed inside leaves the guest's own git alone.
import { strict as assert } from 'node:assert';
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../server/platform/run.ts';
import { changedInside } from '../../server/worktrees/status.ts';
import { makeLab } from './support/repo.ts';

it('a look at what changed inside writes no index', async () => {
  const lab = makeLab();
  try {
    const index = join(lab.main, '.git/index');
    const before = statSync(index).ino;
    // Git would write down that a file with another time is the same.
    for (const name of lab.git(lab.main, 'ls-files').split('\n'))
      utimesSync(join(lab.main, name), 1000, 1000);
    const inside = (argv: readonly string[]) => run(argv as [string, ...string[]], { cwd: lab.main });
    assert.deepEqual(await changedInside(inside), []);
    assert.equal(statSync(index).ino, before);
    lab.git(lab.main, 'status');
    assert.notEqual(statSync(index).ino, before, 'git would not have written it, so that it proves nothing');
  } finally {
    lab.dispose();
  }
});
