// Builds with buildah, which needs no engine; its layers stay in a storage of their own below the cache.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError, toSandboxError } from '../../core/errors.ts';
import type { RunOptions } from '../../core/ports.ts';
import { allowedEnvironment } from '../../platform/environment.ts';
import type { ImageManifest } from '../../protocol/image.ts';
import { readContainerArchive } from '../archive.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import type { Builder, BuildInput, Built, FindBuilder } from './builder.ts';
import { withBases } from './dockerfile.ts';
import { writeOciLayout } from './ociLayout.ts';
import { readTar } from './tarRead.ts';

/** The faster driver first; which one works depends on the file system and on the user. */
const drivers = ['overlay', 'vfs'] as const;

/** As root it would leave mounts of its storage behind; everybody else's are in a namespace already. */
const program: readonly [string, ...string[]] =
  process.getuid?.() === 0 ? ['unshare', '--mount', '--propagation', 'private', 'buildah'] : ['buildah'];

export const findBuildah: FindBuilder = async (deps, { signal }) => {
  const reasons: string[] = [];
  for (const driver of drivers) {
    const storage = storageOf(deps, driver);
    try {
      await mkdir(join(deps.paths.cache, 'buildah'), { recursive: true, mode: 0o700 });
      // The answer of a program that set its storage up.
      await deps.run([...program, ...storage, 'images', '--quiet'], { signal, timeoutMs: 30_000 });
      return builderOf(deps, storage);
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(toSandboxError(error).message);
    }
  }
  return { absent: reasons[0] ?? 'buildah does not work here' };
};

function storageOf({ paths }: ImageDeps, driver: string): readonly string[] {
  const folder = join(paths.cache, 'buildah');
  return [
    '--root',
    join(folder, driver),
    '--runroot',
    join(folder, `${driver}-run`),
    '--storage-driver',
    driver,
  ];
}

function builderOf(deps: ImageDeps, storage: readonly string[]): Builder {
  return {
    name: 'buildah',
    build: (input, call) => build({ deps, storage, call, scratch: input.scratch }, input),
  };
}

type Session = {
  readonly deps: ImageDeps;
  readonly storage: readonly string[];
  readonly call: ImageCall;
  /** Where buildah puts what it forgets when it is killed. */
  readonly scratch: string;
};

async function build(session: Session, input: BuildInput): Promise<Built> {
  const { call, scratch } = session;
  const names = new Map<string, string>();
  for (const [name, image] of input.bases) names.set(name, await takeBase(session, image));
  const file = join(scratch, 'Dockerfile');
  const ignore = join(scratch, 'ignore');
  const id = join(scratch, 'image-id');
  await writeFile(file, withBases(input.dockerfile, input.arguments, names));
  await writeFile(ignore, input.context.ignore);
  call.progress({ phase: 'building', detail: 'with buildah' });
  await buildah(session, [
    ...['build-using-dockerfile', '--quiet', '--layers', '--isolation', 'chroot', '--format=docker'],
    ...['--file', file, '--ignorefile', ignore, '--iidfile', id],
    ...Object.entries(input.arguments).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...(input.target === undefined ? [] : ['--target', input.target]),
    input.folder,
  ]);
  return takeOut(session, id);
}

/** Copied into the storage once for each content. */
async function takeBase(session: Session, image: ImageManifest): Promise<string> {
  const { deps, call, scratch } = session;
  const name = `localhost/heyvm-base:${image.digest.replace('sha256:', '').slice(0, 32)}`;
  if ((await buildah(session, ['images', '--quiet', '--filter', `reference=${name}`])).trim() !== '')
    return name;
  call.progress({ phase: 'importing the base', detail: image.name });
  const folder = join(scratch, 'base');
  await writeOciLayout(deps, { image, folder }, call);
  // From its own folder, because buildah makes a name of the path, and names have no capital letters.
  const id = (await buildah(session, ['pull', '--quiet', 'oci:base:base'], scratch)).trim();
  await buildah(session, ['tag', id, name]);
  await rm(folder, { recursive: true, force: true });
  return name;
}

/** Through an archive, whose layers are laid over each other by us; they are not compressed in this form. */
async function takeOut(session: Session, idFile: string): Promise<Built> {
  const { deps, call, scratch } = session;
  const image = (await readFile(idFile, 'utf8')).trim();
  const archive = join(scratch, 'image.tar');
  call.progress({ phase: 'taking the files out of buildah' });
  await buildah(session, ['push', '--quiet', image, `docker-archive:${archive}`]);
  const found = await readContainerArchive(deps.paths, readTar(archive), call);
  await rm(archive, { force: true });
  return { root: found.root, config: found.config, files: found.scratch };
}

async function buildah(
  { deps, storage, call, scratch }: Session,
  words: readonly string[],
  cwd = '/',
): Promise<string> {
  const env = { ...allowedEnvironment(deps.env), TMPDIR: scratch };
  const options: RunOptions = { cwd, signal: call.signal, env };
  try {
    return (await deps.run([...program, ...storage, ...words], options)).stdout;
  } catch (error) {
    call.signal.throwIfAborted();
    throw new SandboxError('build-failed', `the build failed: ${toSandboxError(error).message}`, {
      cause: error,
    });
  }
}
