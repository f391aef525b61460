// Brings a project up: its sandbox is made or found again, set up once, and runs its command.
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { fail, SandboxError, toSandboxError } from '../core/errors.ts';
import { connectOwner } from '../owner/connect.ts';
import type { Params, Result } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { ProjectAsk } from '../protocol/projectFile.ts';
import { withLock } from '../store/lock.ts';
import type { SandboxRecord } from '../store/records.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import { kindOf } from '../worktrees/gitFolder.ts';
import type { Host } from '../worktrees/hostGit.ts';
import { findRepository, listRegistered } from '../worktrees/repository.ts';
import { labelsOf } from '../worktrees/slug.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { requireEntry } from './entry.ts';
import { grantsOf, type LoadedProject, refuseUnagreed, requireProject } from './projectFile.ts';
import { specWithImage } from './projectImage.ts';
import { waitUntilReady } from './projectReady.ts';
import { type Inside, setUp } from './projectSetup.ts';
import { refuseDifferent } from './reuse.ts';

type Asked = Params<HelperContract, 'project/up'>;
type Answer = Result<HelperContract, 'project/up'>;
type ProjectRecord = NonNullable<SandboxRecord['project']>;

export async function upProject(deps: ServiceDeps, asked: Asked, context: CallContext): Promise<Answer> {
  const project = await requireProject(deps, asked.folder, context);
  const lock = `project-${shortHash(project.folder)}`;
  return withLock(deps.paths, lock, { wait: 'wait', signal: context.signal }, async () => {
    const known = await projectEntry(deps, project.folder);
    refuseUnagreed({ ...project, asks: openAsks(project, known) }, asked.trust ?? []);
    const record = projectRecord(project, known?.record.project);
    const entry =
      known === undefined
        ? await make(deps, { project, record }, context)
        : await reuse(deps, { project, record, known }, context);
    const owner = connectOwner(entry);
    try {
      const setup = await setUp(deps, { project, entry, owner, again: asked.setup === true }, context);
      const command = await startCommand({ project, entry, owner, ran: known?.owner !== undefined }, context);
      const sandbox = deps.sandboxes.toInfo(await requireEntry(deps.paths, entry.record.id));
      return { sandbox, created: known === undefined, setup, command };
    } finally {
      owner.close();
    }
  });
}

/** What nobody agreed to yet; an image is built for a new sandbox alone. */
export function openAsks({ asks }: LoadedProject, known: Entry | undefined): readonly ProjectAsk[] {
  if (known === undefined) return asks;
  const granted = known.record.project?.granted ?? [];
  return asks.filter(({ what, once }) => once !== true && !granted.includes(what));
}

/** The one that was made for the folder, or for the branch that is checked out in it. */
export async function projectEntry(deps: ServiceDeps, folder: string): Promise<Entry | undefined> {
  const { entries } = await deps.sandboxes.list();
  return (
    entries.find(({ record }) => record.project?.folder === folder) ??
    entries.find(({ record }) => record.worktree?.path === folder)
  );
}

function projectRecord(project: LoadedProject, known: ProjectRecord | undefined): ProjectRecord {
  const { folder, digest, command, asks } = project;
  return {
    folder,
    digest,
    ...(command === undefined ? {} : { command: [...command] }),
    ...(known?.setup_done === true ? { setup_done: true as const } : {}),
    granted: grantsOf(asks),
  };
}

type Making = { readonly project: LoadedProject; readonly record: ProjectRecord };

async function make(deps: ServiceDeps, making: Making, context: CallContext): Promise<Entry> {
  const { folder } = making.project;
  const spec = await specWithImage(deps, making.project, context);
  const branch = await branchAt(deps, folder, context);
  if (branch !== undefined) {
    const { openWorktree } = await import('./worktreeOpen.ts');
    const request = { ...branch, cwd: folder, spec, project: making.record };
    return (await openWorktree(deps, request, context)).entry;
  }
  const names = spec.name === undefined ? labelsOf(folder, basename(folder)) : [spec.name];
  for (const [index, name] of names.entries()) {
    try {
      const request = { spec: { ...spec, name, workspace: folder }, project: making.record };
      return await deps.sandboxes.create({ ...request, purpose: 'worktree' }, context);
    } catch (error) {
      if (toSandboxError(error).code !== 'name-taken' || index === names.length - 1) throw error;
    }
  }
  throw new SandboxError('internal', `no name for the sandbox of ${folder}`);
}

/** A linked worktree has a branch of its own, and gets what `wt` makes for that. */
async function branchAt(deps: ServiceDeps, folder: string, { signal }: CallContext) {
  if ((await kindOf(join(folder, '.git'))) !== 'file') return undefined;
  const host: Host = { run: deps.run, env: deps.env, signal };
  const repository = await findRepository(host, folder);
  const branch = (await listRegistered(repository)).find(({ path }) => path === folder)?.branch;
  return branch === undefined ? undefined : { host, repository, branch };
}

type Reusing = Making & { readonly known: Entry };

async function reuse(deps: ServiceDeps, { project, record, known }: Reusing, context: CallContext) {
  const { id, name, project: before } = known.record;
  const { name: asked, ...spec } = project.spec;
  await refuseDifferent(deps.paths, known.record, spec);
  const renamed = asked !== undefined && asked !== name;
  if (renamed || (before !== undefined && before.digest !== project.digest)) {
    fail(
      'worktree-conflict',
      `${project.path} describes another sandbox than ${name}, which was made from it before`,
      {
        hint: `to make it anew: heyvm rm --force ${name} && heyvm up`,
        data: { id },
      },
    );
  }
  await updateRecord(deps.paths, id, now => ({ ...now, project: record }));
  return deps.sandboxes.start(id, context);
}

async function startCommand(
  { project, entry, owner, ran }: Inside & { readonly ran: boolean },
  context: CallContext,
): Promise<Answer['command']> {
  const { ready, command } = project;
  const { name } = entry.record;
  const before = await owner.call('owner/command', { start: false });
  if (command !== undefined) await owner.call('owner/command', { start: true });
  if (ready !== undefined) await waitUntilReady({ name, owner, ready }, context);
  if (command === undefined) return 'none';
  // An owner starts it by itself in a sandbox that was set up before.
  return ran && before.state === 'running' ? 'running' : 'started';
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
