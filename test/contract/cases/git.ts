// Contract: git works inside in every mode that the manifest names, and its commits reach the host in the way of that mode.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import type { LaunchRequest } from '../../../server/core/backend.ts';
import { ensureWorktree } from '../../../server/worktrees/create.ts';
import { ownFolderOf } from '../../../server/worktrees/gitFolder.ts';
import { guestGitEnvironment } from '../../../server/worktrees/identity.ts';
import { importCommits } from '../../../server/worktrees/importing.ts';
import { gitMounts } from '../../../server/worktrees/mounts.ts';
import { privateMounts } from '../../../server/worktrees/privateGit.ts';
import type { Target } from '../../../server/worktrees/status.ts';
import { type Lab, makeLab } from '../../worktrees/support/repo.ts';
import { runIn, succeeded } from '../bench.ts';
import { caseFor } from '../claims.ts';
import type { Subject } from '../suite.ts';

const modes = ['narrowed', 'private'] as const;

export function gitCases(subject: Subject): void {
  const { bench } = subject;
  describe('git in a worktree', function () {
    // A machine starts twice, and what starts it may be busy.
    this.timeout(180_000);
    let lab: Lab;
    beforeEach(() => {
      lab = makeLab();
    });
    afterEach(() => lab.dispose());

    for (const mode of modes) {
      const works = caseFor(subject, { what: `git mode ${mode}`, of: ({ git }) => git.includes(mode) });

      works(`works and keeps what it made over a stop: ${mode}`, async () => {
        const { target, change } = await prepared(lab, mode);
        const { guest } = await bench().start(change);
        const script =
          'git status --porcelain; echo x >x; git add x; git commit -qm inside; git log -1 --format=%an';
        const done = await runIn(guest, script);
        assert.deepEqual(done, { status: succeeded, stdout: 'Ada\n', stderr: '' });
        const refused = await runIn(guest, 'echo gitdir: /workspace >.git');
        assert.notDeepEqual(refused.status, succeeded);
        await guest.stop({ graceMs: 5_000 });
        const again = (await bench().start(await changeOf(lab, target, mode))).guest;
        assert.equal(
          (await runIn(again, 'git status --porcelain; git log -1 --format=%s')).stdout,
          'inside\n',
        );
        if (mode === 'narrowed') {
          assert.equal(lab.git(lab.main, 'log', '-1', '--format=%s', 'feature'), 'inside');
          return;
        }
        assert.equal(lab.git(lab.main, 'log', '-1', '--format=%s', 'feature'), 'first');
        const server = { guest: again, repository: target.repository };
        const { id } = bench().request();
        const { result } = await importCommits(lab.host, { target, server, sandbox: id });
        assert.equal(result.refs.length, 2);
        assert.equal(
          lab.git(lab.main, 'log', '-1', '--format=%s', `refs/heyvm/${id}/heads/feature`),
          'inside',
        );
        assert.deepEqual((await runIn(again, 'git fetch -q host && git fsck')).status, succeeded);
      });
    }
  });
}

type Prepared = { readonly target: Target; readonly change: Partial<LaunchRequest> };

async function prepared(lab: Lab, mode: (typeof modes)[number]): Promise<Prepared> {
  const repository = await lab.repository();
  const worktree = join(lab.folder, 'feature');
  await ensureWorktree(lab.host, repository, { branch: 'feature', path: worktree, include: [] });
  const own = await ownFolderOf(repository.commonDir, worktree);
  const target: Target = { repository, own, worktree, branch: 'feature' };
  return { target, change: await changeOf(lab, target, mode) };
}

/** As an owner computes it for every start. */
async function changeOf(
  lab: Lab,
  { repository, worktree }: Target,
  mode: (typeof modes)[number],
): Promise<Partial<LaunchRequest>> {
  const ref = { branch: 'feature', path: worktree, repository: repository.root };
  const mounts = mode === 'narrowed' ? await gitMounts(ref) : await privateMounts(lab.host, ref);
  return {
    workspace: worktree,
    mounts: [{ source: worktree, target: '/workspace', mode: 'rw' }, ...mounts],
    env: await guestGitEnvironment(lab.host, repository),
  };
}
