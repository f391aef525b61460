// Removes a worktree and its registration; refuses when work would be lost, and never touches the branch.
import { fail } from '../core/errors.ts';
import { removeTree } from '../platform/removeTree.ts';
import type { Host } from './hostGit.ts';
import type { Inside } from './inside.ts';
import { type Note, removeNote, writeNote } from './making.ts';
import { viewOf } from './mounts.ts';
import { hasPrivate } from './privatePlaces.ts';
import { listRegistered, type Repository } from './repository.ts';
import { type Target, unsavedWork } from './status.ts';
import type { Tips } from './tips.ts';
import { unimportedWork } from './unimported.ts';

/** Also of a git folder that an earlier sandbox had to itself; `told` is what a running one says of its own. */
export async function refuseUnsaved(
  host: Host,
  target: Target,
  { inside, told }: { readonly inside?: Inside | undefined; readonly told?: Tips | undefined },
): Promise<void> {
  const apart = (await hasPrivate(target.own)) ? await unimportedWork(host, target, told) : [];
  const work = [...(await unsavedWork(host, target, inside)), ...apart];
  if (work.length === 0) return;
  fail('worktree-dirty', `${target.worktree} has work that would be lost: ${work.join('; ')}`, {
    hint:
      apart.length > 0
        ? `commit inside and bring it here with heyvm wt ${target.branch} --import, or remove it with --force`
        : 'commit and push or merge it, or remove it with --force; the branch and its commits stay in any case',
    data: { work },
  });
}

/** Its guest has ended; the caller looked for unsaved work or was told not to. */
export async function removeWorktree({ repository, worktree, branch, own }: Target): Promise<void> {
  if (worktree === repository.main) fail('worktree-conflict', `${worktree} is the main worktree`);
  await writeNote(repository, { kind: 'removing', branch, path: worktree });
  await removeTree(viewOf(own).folder);
  await finishRemoval(repository, { kind: 'removing', branch, path: worktree });
}

/** Also the second half of a removal that was interrupted. */
export async function finishRemoval(repository: Repository, note: Note): Promise<void> {
  await removeTree(note.path);
  await dropRegistration(repository, note.path);
  await removeNote(repository, note.branch);
}

/** Takes one worktree out of git's list; others that are missing keep their place. */
export async function dropRegistration(repository: Repository, path: string): Promise<void> {
  const known = (await listRegistered(repository)).find(
    entry => entry.path === path && entry.kind === 'linked',
  );
  if (known !== undefined) await removeTree(known.gitDir);
}
