// The service's part about OpenSSH: aliases for every sandbox, and the one line that includes them.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { launcherPath, writeAliases } from '../ssh/aliases.ts';
import { configStatus } from '../ssh/configStatus.ts';
import { ensureCommandLine, installLauncher } from '../ssh/launcher.ts';
import { installInclude, uninstallInclude } from '../ssh/userConfig.ts';
import { withLock } from '../store/lock.ts';
import { listRecords } from '../store/sandboxes.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

type Methods = 'ssh/install' | 'ssh/uninstall' | 'ssh/status' | 'ssh/listen';

export function sshHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const { paths, run, sandboxes } = deps;
  return {
    'ssh/install': async (params, { signal }) => {
      await refreshAliases(deps, signal);
      return installInclude(paths, configOf(deps, params));
    },
    'ssh/uninstall': async params => {
      const { config, changed } = await uninstallInclude(paths, configOf(deps, params));
      return { config, changed };
    },
    'ssh/listen': async (params, context) => {
      const { setListening } = await import('./sshListen.ts');
      const entry = await setListening(deps, params, context);
      await refreshAliases(deps, context.signal);
      return { sandbox: sandboxes.toInfo(entry) };
    },
    'ssh/status': async params => {
      const config = configOf(deps, params);
      const sample = (await sandboxes.list()).entries.find(
        ({ record }) => record.intent !== 'removed',
      )?.record;
      const place = config === defaultConfig(deps) ? 'default' : 'elsewhere';
      return configStatus(paths, run, { config, place, sample });
    },
  };
}

/** After every change of the set of sandboxes; the records are read under the lock, so the last writer is right. */
export async function refreshAliases(
  { paths, bundle }: Pick<ServiceDeps, 'paths' | 'bundle'>,
  signal: AbortSignal,
): Promise<void> {
  await withLock(paths, 'ssh-aliases', { wait: 'wait', signal }, async () => {
    await installLauncher(paths, {
      node: process.execPath,
      kind: process.versions['electron'] === undefined ? 'node' : 'electron',
      program: await ensureCommandLine(paths, bundle),
    });
    const { entries } = await listRecords(paths);
    await writeAliases(
      paths,
      entries.map(({ record }) => record),
    );
  });
}

/** Before old builds are removed: the launcher may name one of them. */
export async function renewLauncher(
  deps: Pick<ServiceDeps, 'paths' | 'bundle'>,
  signal: AbortSignal,
): Promise<void> {
  if (existsSync(launcherPath(deps.paths))) await refreshAliases(deps, signal);
}

function configOf(deps: Pick<ServiceDeps, 'env'>, { config }: { config?: string | undefined }): string {
  return config === undefined ? defaultConfig(deps) : resolve(config);
}

function defaultConfig({ env }: Pick<ServiceDeps, 'env'>): string {
  return join(env['HOME'] ?? homedir(), '.ssh', 'config');
}
