// The file of a project as it lies in a folder: read without following what a branch may have planted.
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findBackend } from '../backends/registry.ts';
import { fail } from '../core/errors.ts';
import { parseProject, problemLine } from '../project/parse.ts';
import { PROJECT_FILE } from '../project/presets.ts';
import { asksOf, type Project, projectOf } from '../project/spec.ts';
import { boundaries } from '../protocol/backend.ts';
import type { FileProblem, ProjectAsk, Unfollowed } from '../protocol/projectFile.ts';
import type { SandboxSpec } from '../protocol/sandbox.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import type { ReadDevcontainer } from './devcontainer.ts';
import { isWithin, realPlace } from './folders.ts';
import { textBelow } from './plantedFiles.ts';
import { requireBackend } from './requirements.ts';

export type LoadedProject = Project & {
  /** With all links resolved. */
  readonly folder: string;
  readonly path: string;
  readonly asks: readonly ProjectAsk[];
  /** Of what decides about the sandbox itself. */
  readonly digest: string;
  /** What a file of another tool says and heyvm does not do. */
  readonly unfollowed: readonly Unfollowed[];
};

export type FoundProject =
  | { readonly kind: 'absent' | 'broken'; readonly path: string; readonly problems: readonly FileProblem[] }
  | { readonly kind: 'there'; readonly project: LoadedProject };

export type Sought = {
  readonly folder: string;
  /** What the person said in the place of the file. */
  readonly over?: SandboxSpec;
};

export async function findProject(
  deps: BaseDeps,
  { folder: asked, over = {} }: Sought,
  context: CallContext,
): Promise<FoundProject> {
  const folder = await realpath(asked).catch(() =>
    fail('path-not-found', `the folder ${asked} does not exist`),
  );
  const read = await readProject(deps, folder);
  if (read.kind !== 'there') return read;
  const { path, file, variables, unfollowed } = read;
  const resolved = { ...projectOf(file, source => resolve(folder, source)), variables };
  const project = { ...resolved, spec: await withRealPaths(withoutOverridden(resolved.spec, over)) };
  const { network, limits } = deps.settings();
  const asks = asksOf(project, {
    network: network ?? 'none',
    limits,
    isInside: place => isWithin(place, folder),
    weaker: await weakness(deps, project.spec, context),
  });
  const digest = createHash('sha256')
    .update(JSON.stringify([project.spec, project.build]))
    .digest('hex');
  return { kind: 'there', project: { ...project, folder, path, asks, digest, unfollowed } };
}

/** The project's own file; without one, that of a devcontainer, unless the settings say otherwise. */
async function readProject(
  deps: BaseDeps,
  folder: string,
): Promise<ReadDevcontainer | Exclude<FoundProject, { kind: 'there' }>> {
  const path = join(folder, PROJECT_FILE);
  const text = await textBelow(folder, PROJECT_FILE);
  if (text !== undefined) {
    const parsed = parseProject(text);
    if (!parsed.ok) return { kind: 'broken', path, problems: parsed.problems };
    return { kind: 'there', path, file: parsed.file, variables: [], unfollowed: [] };
  }
  const absent = { kind: 'absent', path, problems: [] } as const;
  if (deps.settings().devcontainer === 'ignore') return absent;
  const { readDevcontainer } = await import('./devcontainer.ts');
  return (await readDevcontainer(folder, deps.env)) ?? absent;
}

export async function requireProject(
  deps: BaseDeps,
  folder: string,
  context: CallContext,
): Promise<LoadedProject> {
  const found = await findProject(deps, { folder }, context);
  if (found.kind === 'there') return found.project;
  if (found.kind === 'absent') {
    return fail('path-not-found', `there is no ${found.path}`, { hint: 'heyvm init writes one' });
  }
  return refuseBroken(found);
}

export function refuseBroken({ path, problems }: { path: string; problems: readonly FileProblem[] }): never {
  const lines = problems.map(problem => problemLine(path, problem));
  return fail('settings-broken', lines.join('\n'), { hint: `edit ${path}`, data: { problems } });
}

/** Fails unless somebody agreed to each of them. */
export function refuseUnagreed({ path, asks }: LoadedProject, agreed: readonly string[]): void {
  const open = asks.filter(({ what }) => !agreed.includes(what));
  if (open.length === 0) return;
  fail('policy-refused', `${path} asks for ${open.map(({ what, why }) => `${what} (${why})`).join('; ')}`, {
    hint: 'read it, and agree with --trust',
    data: { asks: open, path },
  });
}

/** What is remembered with the sandbox, so that nobody is asked twice. */
export function grantsOf(asks: readonly ProjectAsk[]): string[] {
  return asks.filter(({ once }) => once !== true).map(({ what }) => what);
}

/** Nobody has to agree to what does not count. */
function withoutOverridden(spec: SandboxSpec, over: SandboxSpec): SandboxSpec {
  const kept = Object.entries(spec).filter(([key]) => key === 'env' || key === 'limits' || !(key in over));
  const { limits, ...rest } = Object.fromEntries(kept) as SandboxSpec;
  if (limits === undefined) return rest;
  const own = Object.entries(limits).filter(([name]) => !(name in (over.limits ?? {})));
  return { ...rest, limits: Object.fromEntries(own) };
}

/** So that what was agreed to is what is mounted, whatever a link is made to point to meanwhile. */
async function withRealPaths(spec: SandboxSpec): Promise<SandboxSpec> {
  const { mounts, image } = spec;
  return {
    ...spec,
    ...(mounts === undefined
      ? {}
      : {
          mounts: await Promise.all(
            mounts.map(async mount => ({ ...mount, source: await realPlace(mount.source) })),
          ),
        }),
    ...(image?.startsWith('/') === true ? { image: await realPlace(image) } : {}),
  };
}

/** Of the backend that the file names, beside the one that the person would get without it. */
async function weakness(
  deps: BaseDeps,
  { backend, image, runtime, type = 'general' }: SandboxSpec,
  context: CallContext,
): Promise<string | undefined> {
  if (backend === undefined) return undefined;
  const named = findBackend(backend).manifest;
  const asked = { network: 'none' as const, limits: {}, image, runtime, type };
  const usual = await requireBackend(deps, { purpose: 'worktree', asked }, context).catch(() => undefined);
  if (usual === undefined) return undefined;
  const { id, capabilities } = usual.backend.manifest;
  const rank = ({ boundary }: typeof capabilities): number => boundaries.indexOf(boundary);
  if (rank(named.capabilities) >= rank(capabilities)) return undefined;
  return `without it, it would be ${id}, whose wall is a ${capabilities.boundary}; this one is a ${named.capabilities.boundary}`;
}
