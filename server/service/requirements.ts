// Decides which backend a sandbox gets and refuses what that backend cannot enforce, before anything is written.
import { backends } from '../backends/registry.ts';
import type { Backend, Purpose } from '../core/backend.ts';
import { type Choice, chooseBackend } from '../core/choose.ts';
import { type Asked, type Gap, gapsOf, refuseGaps } from '../core/conform.ts';
import { toSandboxError } from '../core/errors.ts';
import { imageSetting, optionsOf } from '../core/options.ts';
import type { Availability } from '../protocol/backend.ts';
import type { SandboxRecord } from '../store/records.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { hintOfOthers, imageMisfit } from './imageFit.ts';
import { machineContext, type Options } from './machine.ts';
import { rememberedProbe } from './probes.ts';

export type Wanted = {
  readonly purpose: Purpose;
  readonly backend?: string | undefined;
  /** Options of the sandbox over those of the settings. */
  readonly options?: Options;
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
    missingImage: (backend: Backend) => missingImage(deps, backend, wanted.asked),
  };
  const { options } = wanted;
  const named = wanted.backend !== undefined || settings.backend_type !== undefined;
  const choice = await chooseBackend(backends, wish, async backend => {
    const misfit = named ? undefined : await misfitOf(deps, backend, wanted);
    if (misfit !== undefined) return { kind: 'unsupported', why: misfit };
    const { id } = backend.manifest;
    const key = options === undefined ? id : `${id} ${JSON.stringify(options)}`;
    return rememberedProbe(deps, key, () => probeBackend(deps, backend, { signal, over: options }));
  });
  const { id } = choice.backend.manifest;
  const gaps = gapsOf(choice.availability.capabilities, wanted.asked);
  refuseGaps(id, await withOthers(deps, id, { gaps, asked: wanted.asked }));
  optionsOf(choice.backend, settings, { path: deps.paths.settings, over: options });
  return choice;
}

/** Somebody who named an image expects it to be fetched. */
async function missingImage(deps: BaseDeps, backend: Backend, { image }: Asked): Promise<string | undefined> {
  const { images = [] } = backend.manifest.capabilities;
  const name = imageSetting(backend, deps.settings());
  if (image !== undefined || images.length === 0 || name === undefined) return undefined;
  const { readManifest } = await import('../images/manifest.ts');
  return (await readManifest(deps.paths, name)) === undefined ? name : undefined;
}

/** Whoever named a backend hears which others run the image. */
async function withOthers(
  deps: BaseDeps,
  id: string,
  { gaps, asked }: { readonly gaps: readonly Gap[]; readonly asked: Asked },
): Promise<readonly Gap[]> {
  if (asked.image === undefined || !gaps.some(({ kind }) => kind === 'image')) return gaps;
  const hint = await hintOfOthers(deps, asked.image, id);
  return hint === undefined ? gaps : gaps.map(gap => (gap.kind === 'image' ? { ...gap, hint } : gap));
}

/** What is asked for without naming a backend chooses one that runs that image and knows those options. */
async function misfitOf(
  deps: BaseDeps,
  backend: Backend,
  { options: over, asked: { image } }: Wanted,
): Promise<string | undefined> {
  const misfit = image === undefined ? undefined : await imageMisfit(deps, backend, image);
  if (misfit !== undefined || over === undefined) return misfit;
  try {
    optionsOf(backend, deps.settings(), { path: deps.paths.settings, over });
    return undefined;
  } catch (error) {
    return toSandboxError(error).message;
  }
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
      options: record.options,
      asked: {
        network: record.policy.network.mode,
        limits: record.limits,
        runtime: record.runtime,
        type: record.type,
        image: record.image,
        user: record.user,
        git: record.workspace.git,
        ports: record.ports,
      },
    },
    context,
  );
}

export async function probeBackend(
  deps: BaseDeps,
  backend: Backend,
  call: { readonly signal: AbortSignal; readonly over?: Options },
): Promise<Availability> {
  const driver = await backend.load();
  return driver.probe(machineContext(deps, backend, call));
}
