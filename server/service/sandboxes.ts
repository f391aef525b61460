// What can be done with sandboxes, as the other nouns of the service use it.
import { findEntry, listRecords } from '../store/sandboxes.ts';
import type { BaseDeps, Sandboxes } from './deps.ts';
import { toInfo } from './info.ts';
import { lockRemains, needsTidying, trashIsFull } from './remains.ts';

export function createSandboxes(deps: BaseDeps): Sandboxes {
  const { paths } = deps;
  return {
    list: async () => {
      const listing = await listRecords(paths);
      if (!listing.entries.some(needsTidying) && !trashIsFull(paths) && lockRemains(paths).length === 0)
        return listing;
      const { tidy } = await import('./reconcile.ts');
      await tidy(deps, listing.entries);
      const after = await listRecords(paths);
      return { ...after, problems: listing.problems.length > 0 ? listing.problems : after.problems };
    },
    find: async idOrName => {
      const entry = await findEntry(paths, idOrName);
      if (!needsTidying(entry)) return entry;
      const { tidy } = await import('./reconcile.ts');
      await tidy(deps, [entry]);
      return findEntry(paths, idOrName);
    },
    toInfo,
    create: async (request, context) => (await import('./create.ts')).createSandbox(deps, request, context),
    start: async (id, context, options) =>
      (await import('./start.ts')).startSandbox(deps, { id, ...options }, context),
    stop: async (id, options, context) =>
      (await import('./stop.ts')).stopSandbox(deps, { id, ...options }, context),
    remove: async (id, options, context) =>
      (await import('./remove.ts')).removeSandbox(deps, { id, ...options }, context),
  };
}
