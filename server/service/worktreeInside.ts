// What the service learns from git inside a sandbox: by running it there, or by importing what it made.
import { fail } from '../core/errors.ts';
import type { ImportResult } from '../protocol/worktree.ts';
import { withLock } from '../store/lock.ts';
import type { Entry } from '../store/sandboxes.ts';
import { importCommits } from '../worktrees/importing.ts';
import { type Inside, insideOf } from '../worktrees/inside.ts';
import { showHost } from '../worktrees/privateGit.ts';
import { hasPrivate } from '../worktrees/privatePlaces.ts';
import { commitOf } from '../worktrees/repository.ts';
import { headCommit, type Target } from '../worktrees/status.ts';
import { type Tips, tipsAtRest, tipsInside } from '../worktrees/tips.ts';
import { unimported } from '../worktrees/unimported.ts';
import type { Server } from '../worktrees/uploadPack.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { repositoryLock } from './worktreeOpen.ts';
import type { WithTarget } from './worktreeTargets.ts';

type Where = Pick<WithTarget, 'entry'>;

/** Git runs inside wherever something runs inside. */
export async function insideOfEntry({ entry }: Where, { signal }: CallContext): Promise<Inside | undefined> {
  const guest = await guestOf(entry);
  return guest === undefined ? undefined : insideOf(guest, signal);
}

async function guestOf(entry: Entry | undefined): Promise<Server['guest'] | undefined> {
  if (entry?.owner?.state !== 'running') return undefined;
  const { connectOwner } = await import('../owner/connect.ts');
  return connectOwner(entry).guest;
}

/** Whether the commits of the branch are made in a git folder of the guest's own; without a sandbox, were made. */
async function isPrivate({ entry, target }: WithTarget): Promise<boolean> {
  return entry === undefined ? hasPrivate(target.own) : entry.record.workspace.git === 'private';
}

/** `worktree/import`: what a person asked for, so that it fails where nothing can be brought. */
export async function importInto(
  deps: BaseDeps,
  found: WithTarget,
  context: CallContext,
): Promise<ImportResult> {
  const { entry, target } = found;
  if (!(await isPrivate(found))) {
    fail(
      'worktree-conflict',
      `git in the sandbox of ${target.branch} is that of the repository: nothing to import`,
      {
        hint: 'commits made inside are on the branch already',
      },
    );
  }
  const guest = (await guestOf(entry)) ?? refuseStopped(found);
  return (await bring(deps, { ...found, guest }, context)).result;
}

type WithGuest = WithTarget & { readonly guest: Server['guest'] };

async function bring(
  { paths }: Pick<BaseDeps, 'paths'>,
  found: WithGuest,
  { signal, progress }: CallContext,
) {
  const { host, target, entry, guest } = found;
  const sandbox = entry?.record.id ?? fail('internal', 'a guest without a sandbox');
  progress({ phase: 'importing', detail: target.branch });
  const { repository } = target;
  return withLock(paths, repositoryLock(repository), { wait: 'wait', signal }, async () => {
    // What the host has by now is there for the guest to fetch.
    await showHost(host, target.own);
    return importCommits(host, { target, server: { guest, repository }, sandbox });
  });
}

/** Only git inside hands out its commits, and it runs in a running guest alone. */
function refuseStopped({ entry, target }: WithTarget): never {
  const { branch } = target;
  return fail('not-running', `commits of ${branch} can only be imported while its sandbox runs`, {
    hint:
      entry === undefined ? `heyvm wt ${branch} --type code --detach` : `heyvm start ${entry.record.name}`,
  });
}

/** With what HEAD is inside, after its commits were imported if it runs; git that is shared needs nothing. */
export async function withHead(deps: BaseDeps, found: WithTarget, context: CallContext): Promise<Target> {
  const { target } = found;
  if (!(await isPrivate(found))) return target;
  const head = headOf(await tipsOf(deps, found, context));
  return { ...target, private: { head: await knownHead(found, head) } };
}

/** A commit that was not imported is none for git on the host, which then compares with where the branch began. */
async function knownHead(
  { host, target }: WithTarget,
  head: string | undefined,
): Promise<string | undefined> {
  const known = head === undefined ? undefined : await commitOf(host, target.repository, head);
  return known ?? headCommit(host, target);
}

async function tipsOf(deps: BaseDeps, found: WithTarget, context: CallContext): Promise<Tips | undefined> {
  const guest = await guestOf(found.entry);
  if (guest === undefined) return tipsAtRest(found.target.own);
  return (await bring(deps, { ...found, guest }, context)).tips;
}

function headOf(tips: Tips | undefined): string | undefined {
  return tips?.tips.find(({ name }) => name === 'HEAD')?.commit;
}

/** Where the branch stands inside, every commit of it being on the host; undefined where git is shared. */
export async function tipInside(
  deps: BaseDeps,
  found: WithTarget,
  context: CallContext,
): Promise<string | undefined> {
  if (!(await isPrivate(found))) return undefined;
  const { host, target } = found;
  const tips = await tipsOf(deps, found, context);
  const left = await unimported(host, target, tips);
  if (left === undefined || left.names.length > 0) refuseStopped(found);
  return tips?.tips.find(({ name }) => name === `refs/heads/${target.branch}`)?.commit;
}

export type Looked = {
  readonly target: Target;
  readonly inside?: Inside | undefined;
  readonly told?: Tips | undefined;
};

/** For who may only look, and for telling what would be lost: imports nothing. */
export async function lookInside(found: WithTarget, { signal }: CallContext): Promise<Looked> {
  const { host, target, entry } = found;
  const guest = await guestOf(entry);
  const inside = guest === undefined ? undefined : insideOf(guest, signal);
  if (!(await isPrivate(found))) return { target, inside };
  const told =
    guest === undefined ? undefined : await tipsInside(host, { guest, repository: target.repository });
  const head = headOf(told ?? (await tipsAtRest(target.own)));
  return { target: { ...target, private: { head: await knownHead(found, head) } }, inside, told };
}
