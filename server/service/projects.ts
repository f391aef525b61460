// The methods about projects: what their file says, and the sandbox that it describes.
import { connectOwner } from '../owner/connect.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { findProject, requireProject } from './projectFile.ts';
import { setUp } from './projectSetup.ts';
import { openAsks, projectEntry, upProject } from './projectUp.ts';

type Methods = Extract<keyof HelperContract, `project/${string}`>;

export function projectHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  return {
    'project/inspect': async ({ folder }, context) => {
      const found = await findProject(deps, { folder }, context);
      if (found.kind !== 'there') return { path: found.path, problems: [...found.problems], asks: [] };
      const { path, folder: real, unfollowed, extensions } = found.project;
      const entry = await projectEntry(deps, real);
      return {
        path,
        problems: [],
        asks: [...openAsks(found.project, entry)],
        unfollowed: [...unfollowed],
        extensions: [...extensions],
        ...(entry === undefined ? {} : { sandbox: deps.sandboxes.toInfo(entry) }),
      };
    },
    'project/setup': async ({ sandbox }, context) => {
      const entry = await deps.sandboxes.find(sandbox);
      const folder = entry.record.project?.folder;
      if (folder === undefined) return { setup: 'none' };
      const project = await requireProject(deps, folder, context);
      const owner = connectOwner(entry);
      try {
        return { setup: await setUp(deps, { project, entry, owner, again: false }, context) };
      } finally {
        owner.close();
      }
    },
    'project/up': (params, context) => upProject(deps, params, context),
  };
}
