// Gets an image into the engine: what is there is used, a stored one is imported once, a reference is fetched.
import { createReadStream } from 'node:fs';
import { fail, SandboxError, toSandboxError } from '../../core/errors.ts';
import type { ResolvedImage, StoredImage } from '../../core/image.ts';
import type { Progress } from '../../protocol/contract.ts';
import { Image } from './answers.ts';
import { type Credentials, credentialsFor } from './credentials.ts';
import { type Engine, isAway, unless } from './engine.ts';
import { DIGEST, imageName, storeLabels } from './marks.ts';
import { follow, pullProgress } from './pull.ts';

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
  return unless(404, engine.json({ method: 'GET', path: `/images/${name}/json` }, Image));
}

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
  const source = createReadStream(file, { signal });
  try {
    const response = await engine.stream({
      method: 'POST',
      path: '/images/create',
      query: { fromSrc: '-', repo, tag, changes: changesFor(store, image) },
      stream: source,
      signal,
    });
    await follow(response, () => undefined);
  } catch (error) {
    signal.throwIfAborted();
    if (isAway(error)) throw error;
    throw new SandboxError('image-broken', `cannot import ${image.name}: ${toSandboxError(error).message}`, {
      hint: `heyvm images inspect ${image.name} checks its files`,
      cause: error,
    });
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
  const at = name.lastIndexOf(':');
  try {
    const response = await engine.stream({
      method: 'POST',
      path: '/images/create',
      query: { fromImage: name.slice(0, at), tag: name.slice(at + 1) },
      headers: await credentialsFor(credentials, name),
      signal,
    });
    await follow(response, pullProgress(name, progress));
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
