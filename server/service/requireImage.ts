// Decides what the guests of a sandbox run from, and looks it up before anything is written.
import type { Backend } from '../core/backend.ts';
import { refuseGaps } from '../core/conform.ts';
import { fail } from '../core/errors.ts';
import type { ResolvedImage } from '../core/image.ts';
import { imageSetting } from '../core/options.ts';
import { guestProgram } from '../platform/bundle.ts';
import type { Runtime } from '../protocol/backend.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { sayOthers } from './imageFit.ts';

export type ImageParts = { readonly image?: string; readonly image_digest?: string };

export type ImageWanted = {
  /** As the person said it; without, the settings decide, and then the backend. */
  readonly name: string | undefined;
  readonly runtime: Runtime;
};

/**
 * The parts of a record that name the image; none for a backend whose guests run on this machine's system, and where
 * guests without one run what they find in the workspace.
 */
export async function requireImage(
  deps: BaseDeps,
  backend: Backend,
  { name, runtime }: ImageWanted,
  context: CallContext,
): Promise<ImageParts> {
  const { id, capabilities } = backend.manifest;
  const kinds = capabilities.images ?? [];
  const wanted = name ?? imageSetting(backend, deps.settings());
  if (kinds.length === 0) return {};
  if (wanted === undefined) {
    if (kinds.some(kind => kind === 'folder' || kind.startsWith('wasm-'))) return {};
    return fail('usage', `${id} needs an image`, {
      hint: `name one with --image, or set backends.${id}.image in the settings`,
    });
  }
  const { resolveImage } = await import('../images/resolve.ts');
  const agent = guestProgram(deps.bundle.folder);
  const image = await resolveImage(deps, { name: wanted, kinds, agent }, context).catch((error: unknown) =>
    sayOthers(deps, wanted, { backend: id, error }),
  );
  refuseMissingRuntime(id, image, runtime);
  return image.kind === 'stored' ? { image: wanted, image_digest: image.manifest.digest } : { image: wanted };
}

/** What is in an image of a registry or in a package is known once it runs. */
function refuseMissingRuntime(id: string, image: ResolvedImage, runtime: Runtime): void {
  if (image.kind !== 'stored' || image.manifest.runtimes.includes(runtime)) return;
  if (image.manifest.files.some(({ format }) => format === 'wasm-package')) return;
  const why = `the image ${image.name} does not have it`;
  const hint = `choose an image with ${runtime}: heyvm images list`;
  refuseGaps(id, [{ kind: 'runtime', asked: `the ${runtime} runtime`, why, hint }]);
}
