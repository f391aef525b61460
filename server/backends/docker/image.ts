// Gets an image into the engine: what is there is used, a stored one is imported once, a reference is fetched.
import { createReadStream } from 'node:fs';
import type * as z from 'zod/mini';
import { fail, SandboxError, toSandboxError } from '../../core/errors.ts';
import type { ResolvedImage, StoredImage } from '../../core/image.ts';
import { accepting, type Engine, EngineRefusal, isAway, type Request, unless } from '../../engine/engine.ts';
import { follow } from '../../engine/lines.ts';
import type { Progress } from '../../protocol/contract.ts';
import { Image, ImageList } from './answers.ts';
import { type Credentials, credentialsFor } from './credentials.ts';
import { DIGEST, imageName, storeLabels } from './marks.ts';
import { pullProgress } from './pull.ts';

export type Fetching = {
  readonly engine: Engine;
  readonly store: string;
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  readonly credentials: Credentials;
};

export async function ensureImage(fetching: Fetching, wanted: ResolvedImage): Promise<Image> {
  const name = wanted.kind === 'stored' ? copyOf(fetching.store, wanted) : tagged(wanted.name);
  const present = await imageOf(fetching.engine, name);
  if (present !== undefined) return present;
  if (wanted.kind === 'stored') await importStored(fetching, wanted, name);
  else await pull(fetching, name);
  const made = await imageOf(fetching.engine, name);
  return (
    made ?? fail('image-not-found', `the engine lost ${name} right after it got it`, { hint: 'try again' })
  );
}

/** By name or by the engine's own id. */
export function imageOf(engine: Engine, name: string): Promise<Image | undefined> {
  return unless(
    404,
    engine.read('describe an image', Image, docker => docker.getImage(name).inspect()),
  );
}

export function listImages(engine: Engine, filters: string): Promise<z.output<typeof ImageList>> {
  return engine.read('list images', ImageList, docker => docker.listImages({ filters }));
}

/** One that a container still uses stays. */
export async function removeImage(engine: Engine, name: string): Promise<'removed' | 'gone' | 'in use'> {
  const request = engine.call('remove an image', docker => docker.getImage(name).remove());
  const refused = await accepting([404, 409], request);
  if (!(refused instanceof EngineRefusal)) return 'removed';
  return refused.status === 404 ? 'gone' : 'in use';
}

/** Large enough that the C library gives each back at once, where smaller ones leave a heap of holes. */
const PIECE = 256 * 1024;

/** Named by the digest alone, so that the same content is imported once whatever it is called. */
function copyOf(store: string, { manifest }: StoredImage): string {
  return imageName(store, manifest.digest.replace('sha256:', '').slice(0, 32));
}

async function importStored(
  { engine, store, signal, progress }: Fetching,
  image: StoredImage,
  name: string,
): Promise<void> {
  const file = image.file('rootfs');
  if (file === undefined) {
    return fail(
      'image-broken',
      `the image ${image.name} has no root file system that a container could run from`,
      {
        hint: `make it again, or choose another image; heyvm images inspect ${image.name} shows its files`,
      },
    );
  }
  progress({ phase: 'importing image', detail: image.name });
  const [repo = '', tag = ''] = name.split(':');
  const source = createReadStream(file, { signal, highWaterMark: PIECE });
  try {
    const options = { repo, tag, changes: changesFor(store, image) };
    const request: Request<NodeJS.ReadableStream> = docker => docker.importImage(source, options);
    await follow(await engine.call('import an image', request, signal), () => undefined);
  } catch (error) {
    signal.throwIfAborted();
    if (isAway(error)) throw error;
    throw new SandboxError('image-broken', `cannot import ${image.name}: ${toSandboxError(error).message}`, {
      hint: `heyvm images inspect ${image.name} checks its files`,
      cause: error,
    });
  } finally {
    source.destroy();
  }
}

/** In the words of a Dockerfile; lists and quoted texts are JSON there, and no value may begin a line of its own. */
function changesFor(store: string, { manifest }: StoredImage): readonly string[] {
  const { env, user, workdir, entrypoint, cmd } = manifest.config;
  const labels = { ...storeLabels(store, 'image'), [DIGEST]: manifest.digest };
  return [
    ...Object.entries(labels).map(([name, value]) => `LABEL ${name}=${quoted(value)}`),
    ...Object.entries(env).map(([name, value]) => `ENV ${name}=${quoted(value)}`),
    ...(user === undefined ? [] : [`USER ${quoted(user)}`]),
    ...(workdir === undefined ? [] : [`WORKDIR ${workdir}`]),
    ...(entrypoint.length === 0 ? [] : [`ENTRYPOINT ${JSON.stringify(entrypoint)}`]),
    ...(cmd.length === 0 ? [] : [`CMD ${JSON.stringify(cmd)}`]),
  ].filter(line => !/[\r\n]/.test(line));
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\$]/g, character => `\\${character}`)}"`;
}

async function pull({ engine, signal, progress, credentials }: Fetching, name: string): Promise<void> {
  progress({ phase: 'fetching image', detail: name });
  const authconfig = await credentialsFor(credentials, name);
  try {
    const request: Request<NodeJS.ReadableStream> = docker => docker.pull(name, { authconfig });
    await follow(await engine.call('fetch an image', request, signal), pullProgress(name, progress));
  } catch (error) {
    signal.throwIfAborted();
    if (isAway(error)) throw error;
    throw new SandboxError('image-not-found', `cannot fetch ${name}: ${toSandboxError(error).message}`, {
      hint: 'check the name and the network, or make the image here: heyvm images bootstrap, build or add',
      cause: error,
    });
  }
}

/** Without a tag an engine would fetch all of them. */
function tagged(name: string): string {
  return /:[^/]+$/.test(name) ? name : `${name}:latest`;
}
