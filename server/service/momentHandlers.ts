// The methods that keep, copy and change a sandbox as it is at one moment.
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { forkSandbox } from './fork.ts';
import { pauseSandbox, resizeSandbox, resumeSandbox, suspendSandbox } from './moments.ts';
import { restoreSandbox } from './restore.ts';
import { removeSnapshot, takeSnapshot } from './snapshots.ts';

type Methods =
  | 'sandbox/pause'
  | 'sandbox/resume'
  | 'sandbox/suspend'
  | 'sandbox/resize'
  | 'sandbox/snapshot'
  | 'sandbox/restore'
  | 'sandbox/fork'
  | 'snapshot/remove';

export function momentHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const { find, toInfo } = deps.sandboxes;
  const idOf = async (sandbox: string): Promise<string> => (await find(sandbox)).record.id;
  return {
    'sandbox/pause': async ({ sandbox }, context) => ({
      sandbox: toInfo(await pauseSandbox(deps, await idOf(sandbox), context)),
    }),
    'sandbox/resume': async ({ sandbox }, context) => ({
      sandbox: toInfo(await resumeSandbox(deps, await idOf(sandbox), context)),
    }),
    'sandbox/suspend': async ({ sandbox }, context) => ({
      sandbox: toInfo(await suspendSandbox(deps, await idOf(sandbox), context)),
    }),
    'sandbox/resize': async ({ sandbox, limits }, context) => {
      const { entry, restartNeeded } = await resizeSandbox(
        deps,
        { id: await idOf(sandbox), limits },
        context,
      );
      return { sandbox: toInfo(entry), restart_needed: restartNeeded };
    },
    'sandbox/snapshot': async ({ sandbox, name, memory }, context) => {
      const asked = { id: await idOf(sandbox), name, memory };
      const { entry, snapshot, why } = await takeSnapshot(deps, asked, context);
      return { sandbox: toInfo(entry), snapshot, ...(why === undefined ? {} : { why_no_memory: why }) };
    },
    'sandbox/restore': async ({ sandbox, snapshot }, context) => ({
      sandbox: toInfo(await restoreSandbox(deps, { id: await idOf(sandbox), snapshot }, context)),
    }),
    'sandbox/fork': async ({ sandbox, count = 1 }, context) => {
      const { entries, memory, why } = await forkSandbox(deps, { id: await idOf(sandbox), count }, context);
      return {
        sandboxes: entries.map(toInfo),
        memory,
        ...(why === undefined ? {} : { why_no_memory: why }),
      };
    },
    'snapshot/remove': async ({ sandbox, snapshot }, context) => ({
      sandbox: toInfo(await removeSnapshot(deps, { id: await idOf(sandbox), snapshot }, context)),
    }),
  };
}
