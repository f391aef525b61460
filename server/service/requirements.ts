// Decides which backend a sandbox gets and refuses what that backend cannot enforce, before anything is written.
import { backends } from '../backends/registry.ts';
import type { Backend, Purpose } from '../core/backend.ts';
import { type Choice, chooseBackend } from '../core/choose.ts';
import { type Asked, gapsOf, refuseGaps } from '../core/conform.ts';
import { optionsOf } from '../core/options.ts';
import type { Availability } from '../protocol/backend.ts';
import type { SandboxRecord } from '../store/records.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { machineContext } from './machine.ts';
import { rememberedProbe } from './probes.ts';

export type Wanted = {
  readonly purpose: Purpose;
  readonly backend?: string | undefined;
  readonly asked: Asked;
};

/** Throws with every gap, so that a person can mend all of them at once. */
export async function requireBackend(
  deps: BaseDeps,
  wanted: Wanted,
  { signal }: CallContext,
): Promise<Choice> {
  const settings = deps.settings();
  const wish = {
    explicit: wanted.backend,
    setting: settings.backend_type,
    purpose: wanted.purpose,
    host: { platform: process.platform, arch: process.arch },
  };
  const choice = await chooseBackend(backends, wish, backend =>
    rememberedProbe(deps, backend.manifest.id, () => probeBackend(deps, backend, signal)),
  );
  refuseGaps(choice.backend.manifest.id, gapsOf(choice.availability.capabilities, wanted.asked));
  optionsOf(choice.backend, settings, deps.paths.settings);
  return choice;
}

/** The machine may have changed since the sandbox was made. */
export async function refuseLaunch(
  deps: BaseDeps,
  record: SandboxRecord,
  context: CallContext,
): Promise<void> {
  await requireBackend(
    deps,
    {
      purpose: record.worktree === undefined ? 'throwaway' : 'worktree',
      backend: record.backend_type,
      asked: {
        network: record.policy.network.mode,
        limits: record.limits,
        runtime: record.runtime,
        type: record.type,
        image: record.image,
        git: record.workspace.git,
      },
    },
    context,
  );
}

export async function probeBackend(
  deps: BaseDeps,
  backend: Backend,
  signal: AbortSignal,
): Promise<Availability> {
  const driver = await backend.load();
  return driver.probe(machineContext(deps, backend, signal));
}
