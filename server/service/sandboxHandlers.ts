// The methods about sandboxes: each turns its parameters into one operation and the outcome into an answer.
import { toSandboxError } from '../core/errors.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { Problem } from '../protocol/doctor.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { tailOf } from '../store/log.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import { readSettings } from '../store/settings.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

type Methods = Extract<keyof HelperContract, `sandbox/${string}`>;

const DEFAULT_LOG_LINES = 200;

export function sandboxHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const { paths, sandboxes } = deps;
  const { find, toInfo } = sandboxes;
  // Looking at sandboxes and starting them must not cost what keeping and copying them costs.
  const moments = async () => (await import('./momentHandlers.ts')).momentHandlers(deps);
  return {
    'sandbox/list': async () => {
      const { entries, problems } = await sandboxes.list();
      return { sandboxes: entries.map(toInfo), problems: [...problems, ...settingsProblems(paths)] };
    },
    'sandbox/get': async ({ sandbox, settled = false }, context) => {
      const entry = await find(sandbox);
      if (!settled) return { sandbox: toInfo(entry) };
      const { settleSandbox } = await import('./attach.ts');
      return { sandbox: toInfo(await settleSandbox(deps, entry.record.id, context)) };
    },
    'sandbox/create': async ({ spec, throwaway }, context) => ({
      sandbox: toInfo(await sandboxes.create({ spec, throwaway, purpose: 'throwaway' }, context)),
    }),
    'sandbox/run': async (params, context) => {
      const { runOnce } = await import('./runOnce.ts');
      return runOnce(deps, params, context);
    },
    'sandbox/start': async ({ sandbox, ports, cold }, context) => {
      const { record } = await find(sandbox);
      return { sandbox: toInfo(await sandboxes.start(record.id, context, { ports, cold })) };
    },
    'sandbox/stop': async ({ sandbox, grace_ms: graceMs }, context) => {
      const { record } = await find(sandbox);
      return { sandbox: toInfo(await sandboxes.stop(record.id, { graceMs }, context)) };
    },
    'sandbox/restart': async ({ sandbox }, context) => {
      const { record } = await find(sandbox);
      const { restartSandbox } = await import('./start.ts');
      return { sandbox: toInfo(await restartSandbox(deps, record.id, context)) };
    },
    'sandbox/pause': async (params, context) => (await moments())['sandbox/pause'](params, context),
    'sandbox/resume': async (params, context) => (await moments())['sandbox/resume'](params, context),
    'sandbox/suspend': async (params, context) => (await moments())['sandbox/suspend'](params, context),
    'sandbox/resize': async (params, context) => (await moments())['sandbox/resize'](params, context),
    'sandbox/snapshot': async (params, context) => (await moments())['sandbox/snapshot'](params, context),
    'sandbox/restore': async (params, context) => (await moments())['sandbox/restore'](params, context),
    'sandbox/fork': async (params, context) => (await moments())['sandbox/fork'](params, context),
    'sandbox/remove': async ({ sandbox, force = false }, context) => {
      const { idForRemoval } = await import('./remove.ts');
      const id = await idForRemoval(deps, { sandbox, force });
      await sandboxes.remove(id, { force }, context);
      return { id };
    },
    'sandbox/log': async ({ sandbox, lines = DEFAULT_LOG_LINES }) => {
      const files = sandboxPaths(paths, (await find(sandbox)).record.id);
      return { path: files.log, text: tailOf(files, lines) };
    },
    'sandbox/ports': async ({ sandbox }) => {
      const { connectOwner } = await import('../owner/connect.ts');
      const owner = connectOwner(await find(sandbox));
      return { ports: (await owner.guest.listeningPorts()).map(port => ({ ...port })) };
    },
    'sandbox/usage': async (params, context) => {
      const { usagesOf } = await import('./usage.ts');
      return { usages: await usagesOf(deps, params.sandboxes, context) };
    },
  };
}

/** Settings that cannot be read stop whoever needs them, and not those who only look. */
function settingsProblems(paths: Paths): readonly Problem[] {
  try {
    return readSettings(paths).problems;
  } catch (thrown) {
    const { code, message, hint } = toSandboxError(thrown);
    if (code !== 'settings-broken') throw thrown;
    return [{ path: paths.settings, message, ...(hint === undefined ? {} : { hint }) }];
  }
}
