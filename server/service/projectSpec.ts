// What the file of a branch adds to what a person asks for a new sandbox of that branch.
import type { SandboxSpec } from '../protocol/sandbox.ts';
import type { SandboxRecord } from '../store/records.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { findProject, grantsOf, refuseBroken, refuseUnagreed } from './projectFile.ts';
import { specWithImage } from './projectImage.ts';

export type Wished = {
  readonly spec: SandboxSpec;
  /** What the person agrees to, in the words of the asks. */
  readonly trust: readonly string[];
};

export type ForBranch = { readonly spec: SandboxSpec; readonly project?: SandboxRecord['project'] };

/** The command is left to `up`. */
export async function specForBranch(
  deps: ServiceDeps,
  folder: string,
  { spec, trust }: Wished,
  context: CallContext,
): Promise<ForBranch> {
  const found = await findProject(deps, { folder, over: spec }, context);
  if (found.kind !== 'there') return found.kind === 'absent' ? { spec } : refuseBroken(found);
  const { project } = found;
  refuseUnagreed(project, trust);
  const { name: _, ...own } = await specWithImage(deps, project, context);
  return {
    spec: {
      ...own,
      ...spec,
      ...(own.env === undefined ? {} : { env: { ...own.env, ...spec.env } }),
      ...(own.limits === undefined ? {} : { limits: { ...own.limits, ...spec.limits } }),
    },
    project: {
      folder: project.folder,
      digest: project.digest,
      granted: grantsOf(project.asks),
    },
  };
}
