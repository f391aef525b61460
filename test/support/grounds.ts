// What a backend needs besides itself to be tried here: its daemon, its image, a folder for what its guests share.
import { join } from 'node:path';
import { ensureCiStore, resolveCiImage } from '../../scripts/lib/ciImage.ts';
import { sharedDockerd } from '../../scripts/lib/daemons/daemons.ts';
import { cache } from '../../scripts/lib/places.ts';
import { Stop } from '../../scripts/lib/say.ts';
import { BOX, boxImage } from '../../scripts/lib/wasmBox.ts';
import { backends } from '../../server/backends/registry.ts';
import type { Backend } from '../../server/core/backend.ts';
import type { ResolvedImage } from '../../server/core/image.ts';

export type Ground =
  | {
      readonly kind: 'ready';
      /** As in the settings; the same, parsed, is what a driver is given. */
      readonly settings: Readonly<Record<string, unknown>>;
      readonly image?: ResolvedImage;
      /** The one program of its guests, which has those of the tests in it; a guest with a system has its own. */
      readonly box?: string;
      /** Templates and the like, kept between runs. */
      readonly cache?: string;
    }
  | { readonly kind: 'not run'; readonly why: string };

const known = new Map<string, Promise<Ground>>();

export function groundOf(backend: Backend): Promise<Ground> {
  const { id } = backend.manifest;
  const ground = known.get(id) ?? find(backend);
  known.set(id, ground);
  return ground;
}

/** Those of the registry that this process is to try; some have an area of their own, which may run as another user. */
export function backendsToTry(): readonly Backend[] {
  const { HEYVM_TEST_ONLY: only, HEYVM_TEST_EXCEPT: except } = process.env;
  return backends.filter(({ manifest: { id } }) => (only === undefined || id === only) && id !== except);
}

async function find(backend: Backend): Promise<Ground> {
  const { id, capabilities } = backend.manifest;
  const settings = await settingsFor(id);
  if (typeof settings === 'string') return { kind: 'not run', why: settings };
  const folder = join(cache, 'backends', id);
  const box = capabilities.runtimes[0] === 'wasm' ? { box: BOX } : {};
  if ((capabilities.images ?? []).length === 0) return { kind: 'ready', settings, ...box };
  try {
    return { kind: 'ready', settings, ...box, cache: folder, image: await imageFor(backend) };
  } catch (error) {
    if (error instanceof Stop) return { kind: 'not run', why: error.message };
    throw error;
  }
}

async function settingsFor(id: string): Promise<Readonly<Record<string, unknown>> | string> {
  if (id !== 'docker') return {};
  const engine = await sharedDockerd();
  return engine.kind === 'running' ? { connect: `unix://${engine.socket}` } : engine.why;
}

async function imageFor({ manifest }: Backend): Promise<ResolvedImage> {
  const { id, capabilities } = manifest;
  const { images: kinds = [], runtimes } = capabilities;
  if (runtimes[0] === 'wasm') return await boxImage(BOX, ...(id === 'wasix' ? ['-DWASIX'] : []));
  return await resolveCiImage(await ensureCiStore(), kinds);
}
