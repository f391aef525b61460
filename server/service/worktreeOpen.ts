// Branch, worktree and sandbox in one step: what exists is reused, and what a failed step left behind is taken back.
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fail, SandboxError } from '../core/errors.ts';
import type { SandboxSpec, WorktreeRef } from '../protocol/sandbox.ts';
import { withLock } from '../store/lock.ts';
import type { SandboxRecord } from '../store/records.ts';
import type { Entry } from '../store/sandboxes.ts';
import { deleteBranch, ensureWorktree, type Made } from '../worktrees/create.ts';
import { kindOf, ownFolderOf } from '../worktrees/gitFolder.ts';
import type { Host } from '../worktrees/hostGit.ts';
import { guestGitEnvironment } from '../worktrees/identity.ts';
import { readNote } from '../worktrees/making.ts';
import { hasPrivate } from '../worktrees/privatePlaces.ts';
import { removeWorktree } from '../worktrees/remove.ts';
import { listRegistered, type Repository } from '../worktrees/repository.ts';
import { labelsOf, sandboxNameOf, worktreePathOf } from '../worktrees/slug.ts';
import { isUntouched } from '../worktrees/status.ts';
import { unimportedWork } from '../worktrees/unimported.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { specForBranch } from './projectSpec.ts';
import { refuseDifferent } from './reuse.ts';

export type OpenRequest = {
  readonly host: Host;
  readonly repository: Repository;
  readonly cwd: string;
  readonly branch: string;
  readonly path?: string | undefined;
  readonly from?: string | undefined;
  readonly spec?: SandboxSpec | undefined;
  readonly trust?: readonly string[] | undefined;
  /** Given by who has read the file of the project already. */
  readonly project?: SandboxRecord['project'];
};

export type Opened = {
  readonly entry: Entry;
  readonly created: { branch: boolean; worktree: boolean; sandbox: boolean };
};

/** However many ask for one branch at once, one of them makes things and the others find them. */
export async function openWorktree(
  deps: ServiceDeps,
  request: OpenRequest,
  context: CallContext,
): Promise<Opened> {
  const { repository, branch } = request;
  const options = { wait: 'wait', signal: context.signal } as const;
  return withLock(deps.paths, branchLock(repository, branch), options, async () => {
    context.progress({ phase: 'preparing the worktree', detail: branch });
    const place = await placed(deps, request, context);
    if (!place.made.created.worktree) await refuseAnotherPlace(request, place.made.path);
    try {
      const { entry, created } = await sandboxFor(deps, { ...request, ...place }, context);
      return { entry, created: { ...place.made.created, sandbox: created } };
    } catch (error) {
      await undo(deps, request, place.made);
      throw error;
    }
  });
}

/** A place that was asked for and is not the one must not pass in silence. */
async function refuseAnotherPlace({ branch, cwd, path }: OpenRequest, actual: string): Promise<void> {
  if (path === undefined) return;
  const wanted = resolve(cwd, path);
  const [real, realActual] = await Promise.all(
    [wanted, actual].map(place => realpath(place).catch(() => place)),
  );
  if (real === realActual) return;
  fail('worktree-conflict', `${branch} has its worktree in ${actual} already, not in ${wanted}`, {
    hint: `leave the path out, or remove that worktree first: heyvm wt ${branch} --remove`,
  });
}

export function branchLock({ root }: Repository, branch: string): string {
  return `worktree-${shortHash(`${root}\0${branch}`)}`;
}

/** For the moments in which git changes what all worktrees share. */
export function repositoryLock({ root }: Repository): string {
  return `repository-${shortHash(root)}`;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

type Placed = { readonly made: Made; readonly labels: readonly string[] };

async function placed(deps: ServiceDeps, request: OpenRequest, { signal }: CallContext): Promise<Placed> {
  const { host, repository, branch } = request;
  const { entries } = await deps.sandboxes.list();
  const known = entries.find(({ record }) => belongsTo(record.worktree, request));
  const knownPath = known?.record.worktree?.path;
  if (knownPath !== undefined && (await isReady(repository, branch, knownPath))) {
    return { made: { branch, path: knownPath, created: { branch: false, worktree: false } }, labels: [] };
  }
  return withLock(deps.paths, repositoryLock(repository), { wait: 'wait', signal }, async () => {
    const { labels, path } = await chooseLabels(deps, request, entries);
    const made = await ensureWorktree(host, repository, {
      branch,
      path: knownPath ?? path,
      from: request.from,
      include: deps.settings().include,
    });
    return { made, labels };
  });
}

function belongsTo(worktree: WorktreeRef | undefined, { repository, branch }: OpenRequest): boolean {
  return worktree?.repository === repository.root && worktree.branch === branch;
}

/** Whatever branch is checked out in it meanwhile, the worktree of a record stays the one of its branch. */
async function isReady(repository: Repository, branch: string, path: string): Promise<boolean> {
  if ((await readNote(repository, branch)) !== undefined) return false;
  if ((await kindOf(path)) === 'absent') return false;
  await ownFolderOf(repository.commonDir, path);
  return true;
}

/** The plain label when nobody else has its name or its folder; else the branch's own. */
async function chooseLabels(
  deps: ServiceDeps,
  { repository, branch, cwd, path }: OpenRequest,
  entries: readonly Entry[],
): Promise<{ labels: readonly string[]; path: string }> {
  const template = deps.settings().worktree_path;
  const pathOf = (label: string): string =>
    path === undefined ? worktreePathOf(template, repository.root, { label, branch }) : resolve(cwd, path);
  const registered = await listRegistered(repository);
  const labels = labelsOf(repository.root, branch).filter((label, index) => {
    if (index > 0) return true;
    const nameTaken = entries.some(({ record }) => record.name === sandboxNameOf(label));
    const pathTaken = registered.some(known => known.path === pathOf(label) && known.branch !== branch);
    return !nameTaken && !(path === undefined && pathTaken);
  });
  return { labels, path: pathOf(labels[0] ?? branch) };
}

type SandboxRequest = OpenRequest & Placed;

async function sandboxFor(
  deps: ServiceDeps,
  request: SandboxRequest,
  context: CallContext,
): Promise<{ entry: Entry; created: boolean }> {
  const { made, repository, branch } = request;
  const { entries } = await deps.sandboxes.list();
  const known = entries.find(({ record }) => record.worktree?.path === made.path);
  if (known !== undefined) {
    await refuseDifferent(deps.paths, known.record, request.spec ?? {});
    return { entry: await deps.sandboxes.start(known.record.id, context), created: false };
  }
  const worktree: WorktreeRef = { branch, path: made.path, repository: repository.root };
  const { spec = {}, trust = [] } = request;
  const wished =
    request.project === undefined ? await specForBranch(deps, made.path, { spec, trust }, context) : request;
  const entry = await createNamed(deps, { ...request, ...wished, worktree }, context);
  return { entry, created: true };
}

/** Between choosing a name and taking it somebody else may take it; then the branch's own name is used. */
async function createNamed(
  deps: ServiceDeps,
  {
    host,
    repository,
    branch,
    spec = {},
    worktree,
    labels,
    project,
  }: SandboxRequest & { readonly worktree: WorktreeRef },
  context: CallContext,
): Promise<Entry> {
  const env = { ...(await guestGitEnvironment(host, repository)), ...spec.env };
  const names =
    spec.name === undefined
      ? (labels.length > 0 ? labels : labelsOf(repository.root, branch)).map(sandboxNameOf)
      : [spec.name];
  for (const [index, name] of names.entries()) {
    try {
      return await deps.sandboxes.create(
        { spec: { ...spec, env, name }, purpose: 'worktree', worktree, project },
        context,
      );
    } catch (error) {
      const taken = error instanceof SandboxError && error.code === 'name-taken';
      if (!taken || index === names.length - 1) throw error;
    }
  }
  throw new SandboxError('internal', `no name for the sandbox of ${branch}`);
}

/** Takes back only what this very call made, and only while nobody put anything into it. */
async function undo(deps: ServiceDeps, { repository, branch }: OpenRequest, made: Made): Promise<void> {
  if (!made.created.worktree) return;
  // The call may have been cancelled, and this has to be done all the same.
  const host: Host = { run: deps.run, env: deps.env };
  await withLock(deps.paths, repositoryLock(repository), { wait: 'wait' }, async () => {
    const own = await ownFolderOf(repository.commonDir, made.path).catch(() => undefined);
    if (own === undefined) return;
    const target = { repository, own, worktree: made.path, branch };
    if (made.tip === undefined || !(await isUntouched(host, target, made.tip))) return;
    if ((await hasPrivate(own)) && (await unimportedWork(host, target, undefined)).length > 0) return;
    await removeWorktree(target);
    if (made.created.branch) await deleteBranch(host, repository, { branch, tip: made.tip });
  });
}
