// Takes a known base into the store: from this machine where it is already, else from its vendor or a mirror.
import { basename } from 'node:path';
import { fail } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { ImageManifest } from '../protocol/image.ts';
import { withLock } from '../store/lock.ts';
import type { Settings } from '../store/settings.ts';
import { type Base, findBase, knownBases } from './bases.ts';
import { type Blob, putBlob } from './blobs.ts';
import { checksumIn } from './checksums.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { download } from './download.ts';
import { ConnectionLost, http, textOf } from './http.ts';
import { layoutOf } from './layout.ts';
import { readManifest, writeManifest } from './manifest.ts';
import { encodeName } from './names.ts';
import { inspectDisk } from './qcow2.ts';
import { searchDisk, searchFolders } from './search.ts';
import { verifyBlob } from './verify.ts';

const LIST_ATTEMPTS = 3;

export type Pulled = { readonly image: ImageManifest; readonly cached: boolean };

/** `cached` when it is here already and whole; two that pull the same wait for each other. */
export async function pullBase(deps: ImageDeps, name: string, call: ImageCall): Promise<Pulled> {
  const settings = deps.settings();
  const base = findBase(settings, name) ?? refuseUnknown(settings, name);
  const lock = `image-${encodeName(name)}`;
  return withLock(deps.paths, lock, { wait: 'wait', signal: call.signal }, async () => {
    const known = await readManifest(deps.paths, name);
    if (known !== undefined && isDisk(known) && (await isWhole(deps, known, call)))
      return { image: known, cached: true };
    const found = await searchDisk(settings, base);
    const image =
      found === undefined
        ? await fetchBase(deps, base, call)
        : await takeBase(deps, { base, path: found }, call);
    return { image, cached: false };
  });
}

/** What was made under this name from packages or a Dockerfile is something else. */
function isDisk({ init }: ImageManifest): boolean {
  return init === 'cloud-init';
}

async function isWhole({ paths }: ImageDeps, image: ImageManifest, { signal }: ImageCall): Promise<boolean> {
  for (const { digest } of image.files) {
    if ((await verifyBlob(paths, digest, 'quick', signal)).kind !== 'intact') return false;
  }
  return image.files.length > 0;
}

async function fetchBase(deps: ImageDeps, base: Base, call: ImageCall): Promise<ImageManifest> {
  const hex = await expectedDigest(deps, base, call);
  const fetched = await download(
    {
      urls: addressesOf(deps.settings(), base.url),
      expected: { algorithm: base.checksum.algorithm, hex },
      folder: layoutOf(deps.paths).downloads,
      env: deps.env,
      title: base.name,
    },
    call,
  );
  const format = await inspectDisk(fetched.path);
  const blob = await putBlob(deps.paths, fetched.path, { take: 'move', digest: fetched.digest, ...call });
  const inputs = `${base.checksum.algorithm}:${hex}`;
  return register(deps, { base, blob, format, source: { kind: 'download', from: base.url, inputs } });
}

async function takeBase(
  deps: ImageDeps,
  { base, path }: { readonly base: Base; readonly path: string },
  call: ImageCall,
): Promise<ImageManifest> {
  call.progress({ phase: `taking ${base.name} from this machine`, detail: path });
  const format = await inspectDisk(path);
  const blob = await putBlob(deps.paths, path, { take: 'copy', ...call });
  return register(deps, { base, blob, format, source: { kind: 'file', from: path } });
}

type Entry = {
  readonly base: Base;
  readonly blob: Blob;
  readonly format: 'qcow2' | 'raw';
  readonly source: ImageManifest['source'];
};

function register(deps: ImageDeps, { base, blob, format, source }: Entry): Promise<ImageManifest> {
  return writeManifest(deps.paths, {
    version: 1,
    name: base.name,
    source,
    os: base.os,
    arch: process.arch === 'arm64' ? 'arm64' : 'x64',
    runtimes: base.runtimes,
    init: 'cloud-init',
    config: { env: {}, entrypoint: [], cmd: [] },
    files: [{ role: 'disk', format, digest: blob.digest, bytes: blob.bytes }],
    created_at: new Date().toISOString(),
  });
}

/** From the vendor alone and over https, wherever the file itself comes from. */
async function expectedDigest(deps: ImageDeps, base: Base, call: ImageCall): Promise<string> {
  const { checksum, url, name } = base;
  if (checksum.kind === 'digest') return checksum.hex;
  call.progress({ phase: `asking for the checksum of ${name}` });
  const list = await fetchList(deps, checksum.url, call);
  if (list.kind === 'text')
    return checksumIn(list.text, { file: basename(new URL(url).pathname), algorithm: checksum.algorithm });
  return fail('image-not-found', `cannot fetch the checksums ${checksum.url}: ${list.why}`, {
    hint: `check the network or the proxy and try again; without network, put the disk into ${searchFolders(deps.settings()).at(-1)}, or set images.bases.${name} with address and digest`,
  });
}

type List = { kind: 'text'; text: string } | { kind: 'failed'; why: string };

async function fetchList(deps: ImageDeps, url: string, { signal }: ImageCall): Promise<List> {
  let why = '';
  for (let attempt = 0; attempt < LIST_ATTEMPTS; attempt += 1) {
    try {
      const response = await http({ url, env: deps.env, signal });
      const text = await textOf(response);
      if (response.status === 200) return { kind: 'text', text };
      why = `the server answers ${response.status}`;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      why = error.message;
    }
  }
  return { kind: 'failed', why };
}

/** Mirrors first, then the vendor. */
function addressesOf({ images }: Settings, url: string): readonly string[] {
  const mirrored = Object.entries(images.mirrors)
    .filter(([prefix]) => url.startsWith(prefix))
    .map(([prefix, mirror]) => mirror + url.slice(prefix.length));
  return [...mirrored, url];
}

function refuseUnknown(settings: Settings, name: string): never {
  const bases = knownBases(settings);
  const [meant] = nearest(name, bases);
  return fail('image-not-found', `${name} is not among the bases that can be pulled`, {
    hint: `${meant === undefined ? '' : `did you mean ${meant}? `}known bases: ${bases.join(', ')}; container engines fetch references by themselves`,
  });
}
