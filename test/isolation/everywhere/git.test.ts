// Every attack on git that a jail withstands, through the driver of every other backend.
import { attackGit } from '../support/gitAttacks.ts';
import { prisons } from '../support/target.ts';

/** What `test/worktrees/attacks.test.ts` tries with the same mounts and the same program. */
const TRIED_THERE = 'bubblewrap';

describe('isolation everywhere: git', function () {
  this.timeout(300_000);
  for (const backend of prisons().filter(({ manifest }) => manifest.id !== TRIED_THERE)) {
    describe(backend.manifest.id, () => attackGit(backend));
  }
});
