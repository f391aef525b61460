// Programs that a repository's own configuration would have git run while it writes files.
//
// Hooks, monitors and the like are off for everybody (hostGit.ts). Filters and merge drivers are needed for right
// contents, as with LFS, so that they run for a person who opens a branch. An agent may name a repository that nobody
// looked at, and then only those of the person's own configuration may run.
import { fail } from '../core/errors.ts';
import { commonDirOf } from './gitFolder.ts';
import { type Host, hostGit } from './hostGit.ts';
import type { Repository } from './repository.ts';

/** What `git lfs install --local` writes, which is the same everywhere. */
const harmless: ReadonlySet<string> = new Set([
  'filter.lfs.clean\ngit-lfs clean -- %f',
  'filter.lfs.smudge\ngit-lfs smudge -- %f',
  'filter.lfs.process\ngit-lfs filter-process',
]);

/** What is included could differ from one worktree to the next, and would not be seen here. */
const running =
  '^(filter\\..*\\.(clean|smudge|process)|merge\\..*\\.driver|include\\.path|includeif\\..*\\.path)$';

/** Fails with `policy-refused`, naming what would run; `byHand` is how a person does the same. */
export async function refuseOwnPrograms(host: Host, repository: Repository, byHand: string): Promise<void> {
  await refuseForeignTree(repository);
  const names = await ownPrograms(host, repository);
  if (names.length === 0) return;
  fail(
    'policy-refused',
    `the configuration of ${repository.root} may run programs here: ${names.join(', ')}`,
    {
      hint: `an agent does not get that; look at them with git config --show-origin --get-all ${names[0]}, and when they are right: ${byHand}`,
      data: { names },
    },
  );
}

/** Keys of the repository's own files, with which a program could be run. */
export async function ownPrograms(host: Host, { commonDir, root }: Repository): Promise<string[]> {
  const { stdout } = await hostGit(host, ['config', '--null', '--show-scope', '--get-regexp', running], {
    gitDir: commonDir,
    cwd: root,
    accept: [0, 1],
  });
  const words = stdout.split('\0');
  const found = new Set<string>();
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [scope = '', entry = ''] = words.slice(at, at + 2);
    const isOwn = scope !== 'system' && scope !== 'global' && scope !== 'command';
    if (isOwn && !harmless.has(entry)) found.add(entry.split('\n')[0] ?? '');
  }
  return [...found];
}

/** `core.worktree` can make any folder of this machine the one that files are copied from and merged into. */
async function refuseForeignTree({ commonDir, main }: Repository): Promise<void> {
  if (main === undefined || (await commonDirOf(main).catch(() => undefined)) === commonDir) return;
  fail(
    'policy-refused',
    `${commonDir} says that its files are in ${main}, which is another repository’s or nobody’s`,
    {
      hint: 'look at core.worktree in its configuration',
    },
  );
}
