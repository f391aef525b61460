// Which backends can run an image, as far as their manifests and the store tell without asking any of them.
import { isAbsolute } from 'node:path';
import { backends } from '../backends/registry.ts';
import type { Backend } from '../core/backend.ts';
import { SandboxError, toSandboxError } from '../core/errors.ts';
import type { BaseDeps } from './deps.ts';

/** As the registry of packages has them. */
const PACKAGE = /^[a-z0-9_-]+\/[a-z0-9._-]+(@[\w.^~*-]+)?$/i;

type Deps = Pick<BaseDeps, 'paths' | 'settings'>;

/** Why guests of this backend cannot run from it; undefined also where only a registry can say whether it exists. */
export async function imageMisfit(
  deps: Deps,
  { manifest }: Pick<Backend, 'manifest'>,
  image: string,
): Promise<string | undefined> {
  const { images: kinds = [] } = manifest.capabilities;
  if (kinds.length === 0) return 'its guests run on the system of this machine, not from an image';
  if (isAbsolute(image)) {
    return kinds.some(kind => kind.startsWith('wasm-')) ? undefined : `it does not run the file ${image}`;
  }
  const [{ kindsOf }, { readManifest }, { findBase }] = await Promise.all([
    import('../images/resolve.ts'),
    import('../images/manifest.ts'),
    import('../images/bases.ts'),
  ]);
  const stored = await readManifest(deps.paths, image);
  const forms = stored === undefined ? [] : kindsOf(stored);
  if (forms.some(kind => kinds.includes(kind))) return undefined;
  if (forms.some(kind => kind.startsWith('wasm-'))) return `the image ${image} is a program of WebAssembly`;
  // A name that is a disk here may be something else in a registry.
  if (kinds.includes('oci') || (kinds.includes('wasm-package') && PACKAGE.test(image))) return undefined;
  if (stored !== undefined) return `the image ${image} is of another kind than it runs`;
  const isBase = kinds.includes('disk') && findBase(deps.settings(), image) !== undefined;
  return isBase ? undefined : `it takes no image from a registry, and ${image} is none that is here`;
}

/** The ids of those that could on this machine, the most preferred first, whether or not they are ready. */
export async function backendsFor(deps: Deps, image: string): Promise<readonly string[]> {
  const { platform, arch } = process;
  const here = backends
    .filter(({ manifest: { hosts } }) =>
      hosts.some(host => host.platform === platform && host.arch.includes(arch)),
    )
    .toSorted((left, right) => right.manifest.rank.worktree - left.manifest.rank.worktree);
  const misfits = await Promise.all(here.map(backend => imageMisfit(deps, backend, image)));
  return here.filter((_, index) => misfits[index] === undefined).map(({ manifest }) => manifest.id);
}

/** Adds to what is refused who would not refuse it. */
export async function hintOfOthers(deps: Deps, image: string, refusing: string): Promise<string | undefined> {
  const others = (await backendsFor(deps, image)).filter(id => id !== refusing);
  const [first] = others;
  return first === undefined ? undefined : `${others.join(' and ')} could run it: --backend ${first}`;
}

/** The same failure, with what else could be done. */
export async function sayOthers(
  deps: Deps,
  image: string,
  failed: { backend: string; error: unknown },
): Promise<never> {
  const error = toSandboxError(failed.error);
  const known = error.code === 'image-not-found' || error.code === 'unsupported';
  const others = known ? await hintOfOthers(deps, image, failed.backend) : undefined;
  if (others === undefined) throw failed.error;
  throw new SandboxError(error.code, error.message, {
    hint: error.hint === undefined ? others : `${others}; ${error.hint}`,
    data: error.data,
    cause: failed.error,
  });
}
