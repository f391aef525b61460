// Turns a request into everything that the process of a guest needs to know; pure.
import * as z from 'zod/mini';
import type { LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { NetworkMode, Runtime } from '../../protocol/backend.ts';
import { Mount } from '../../protocol/sandbox.ts';
import { refuseTarget } from '../kit/mountTargets.ts';
import { parseOptions } from './options.ts';

/** Where programs come from: a file of this machine under a name, or the registry. */
export const Source = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), name: z.string(), path: z.string() }),
  z.strictObject({ kind: z.literal('registry'), name: z.string() }),
]);
export type Source = z.output<typeof Source>;

/** What the process of a guest is told in the first line of its input. */
export const GuestPlan = z.strictObject({
  runtime: Runtime,
  sources: z.array(Source),
  mounts: z.array(Mount),
  env: z.record(z.string(), z.string()),
  network: NetworkMode,
  /** Where it is reached, outside of everything that the guest sees. */
  socket: z.string(),
  /** Where packages of the registry are kept. */
  cache: z.string(),
});
export type GuestPlan = z.output<typeof GuestPlan>;

export type Places = { readonly state: string; readonly socket: string; readonly cache: string };

export const HOME = '/home/dev';
export const TEMPORARY = '/tmp';

export function planGuest(request: LaunchRequest, { state, socket, cache }: Places): GuestPlan {
  const { runtime, network, name, env } = request;
  const mounts = [
    { source: homeFolder(state), target: HOME, mode: 'rw' as const },
    { source: temporaryFolder(state), target: TEMPORARY, mode: 'rw' as const },
    ...request.mounts,
  ];
  for (const { target } of request.mounts) refuseTarget(target);
  return {
    ...{ runtime, network, socket, cache, mounts },
    sources: sourcesOf(request),
    env: {
      PATH: '/bin:/usr/bin',
      HOME,
      TMPDIR: TEMPORARY,
      USER: 'dev',
      LOGNAME: 'dev',
      LANG: 'C.UTF-8',
      WORKSPACE: '/workspace',
      HEYVM_SANDBOX: name,
      ...env,
    },
  };
}

export function homeFolder(state: string): string {
  return `${state}/home`;
}

export function temporaryFolder(state: string): string {
  return `${state}/tmp`;
}

/** Folders that the runtime is told about; those within one are found through it. */
export function topMounts(mounts: readonly Mount[]): readonly string[] {
  const targets = [...new Set(mounts.map(({ target }) => target))];
  return targets.filter(target => !targets.some(other => target.startsWith(`${other}/`)));
}

const packages: Readonly<Record<Exclude<Runtime, 'wasm'>, readonly string[]>> = {
  shell: ['wasmer/bash', 'wasmer/coreutils'],
  python: ['python/python'],
  node: ['wasmer/edgejs'],
};

/** Programs by which a runtime is known to be there; the first that is found counts. */
export const runtimePrograms: Readonly<Record<Runtime, readonly string[]>> = {
  shell: ['bash', 'sh', 'dash'],
  python: ['python', 'python3'],
  node: ['node', 'edge'],
  wasm: [],
};

/** The image has to bring the runtime that is asked for; without one it comes from the registry. */
function sourcesOf({ image, runtime, options }: LaunchRequest): Source[] {
  const more = (parseOptions(options).packages ?? []).map(registered);
  if (image === undefined) return [...(runtime === 'wasm' ? [] : packages[runtime].map(registered)), ...more];
  if (image.kind === 'reference') return [registered(image.name), ...more];
  const path = image.file('program');
  if (path === undefined)
    return fail('image-broken', `the image ${image.name} holds no program of WebAssembly`);
  return [{ kind: 'file', name: programName(image.name), path }, ...more];
}

/** `acme/my-tool:2` runs as `my-tool`. */
export function programName(image: string): string {
  return image.replace(/^.*\//, '').replace(/:[^:]*$/, '');
}

function registered(name: string): Source {
  return { kind: 'registry', name };
}
