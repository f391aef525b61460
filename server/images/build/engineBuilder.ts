// Builds with a container engine over its API: the context goes in as a tar, the root file system comes out as one.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as z from 'zod/mini';
import { fail, SandboxError, toSandboxError } from '../../core/errors.ts';
import { createContainer, discardContainer } from '../../engine/containers.ts';
import { discover, surroundings } from '../../engine/discover.ts';
import { type Engine, EngineRefusal, engineAt, patience, type Request, unless } from '../../engine/engine.ts';
import { follow } from '../../engine/lines.ts';
import type { ImageConfig, ImageManifest } from '../../protocol/image.ts';
import { storeIdOf } from '../../store/storeId.ts';
import { configOf, RawConfig } from '../containerConfig.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import { blobPath } from '../layout.ts';
import type { Builder, BuildInput, Built, FindBuilder } from './builder.ts';
import { withBases } from './dockerfile.ts';
import { foreseen } from './hygiene.ts';
import { type FolderNode, fileOf, newRoot, put, remove } from './rootTree.ts';
import { type Draft, draftTar, type Foresight } from './tarDraft.ts';
import { tarChunks } from './tarWrite.ts';

/** In the context that is sent, where no file of a person's is. */
const DOCKERFILE = '.heyvm.Dockerfile';

export const findEngineBuilder: FindBuilder = async (deps, { signal }, connect) => {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(5_000)]);
  let engine: Engine;
  try {
    const { address } = discover(connect, surroundings(deps.env));
    await engineAt(address, soon).call('answer', docker => docker.ping());
    engine = engineAt(address, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { absent: toSandboxError(error).message };
  }
  const builder: Builder = {
    name: 'the container engine',
    build: (input, call) => build({ deps, engine, call, store: storeIdOf(deps.paths) }, input),
  };
  return builder;
};

type Session = {
  readonly deps: ImageDeps;
  readonly engine: Engine;
  readonly call: ImageCall;
  readonly store: string;
};

const EngineImage = z.object({ Id: z.string(), Config: z.nullish(RawConfig) });

async function build(session: Session, input: BuildInput): Promise<Built> {
  try {
    return await buildIn(session, input);
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error;
    throw new SandboxError('build-failed', error.message, { cause: error });
  }
}

async function buildIn(session: Session, input: BuildInput): Promise<Built> {
  const { engine } = session;
  const names = new Map<string, string>();
  for (const [name, image] of input.bases) names.set(name, await importBase(session, image));
  const dockerfile = withBases(input.dockerfile, input.arguments, names);
  // Its layers stay for the next build; the engine's own prune removes them like those of every other build.
  const id = await runBuild(session, input, dockerfile);
  const { Config: config } = await describe(engine, id);
  const draft = await exportRoot(session, id, input.scratch);
  const { root } = draft;
  remove(root, MARK);
  return { root, draft, config: configOf(config ?? {}), files: [] };
}

function describe(engine: Engine, image: string): Promise<z.output<typeof EngineImage>> {
  return engine.read('describe an image', EngineImage, docker => docker.getImage(image).inspect());
}

/** Imported once for each content, under a name that says whose it is. */
async function importBase({ deps, engine, call, store }: Session, image: ImageManifest): Promise<string> {
  const rootfs = image.files.find(({ role }) => role === 'rootfs');
  if (rootfs === undefined) {
    return fail(
      'unsupported',
      `the image ${image.name} is a disk, and a Dockerfile needs a root file system`,
    );
  }
  const [repo, tag] = [`heyvm-${store}`, `base-${image.digest.replace('sha256:', '').slice(0, 32)}`];
  const name = `${repo}:${tag}`;
  if ((await unless(404, describe(engine, name))) !== undefined) return name;
  call.progress({ phase: 'importing the base', detail: image.name });
  const labels = { 'heyvm.store': store, 'heyvm.kind': 'base', 'heyvm.digest': image.digest };
  const marks = Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`);
  const source = createReadStream(blobPath(deps.paths, rootfs.digest), { highWaterMark: 1024 * 1024 });
  const options = { repo, tag, changes: [...changesOf(image.config), ...marks] };
  try {
    const request: Request<NodeJS.ReadableStream> = docker => docker.importImage(source, options);
    await follow(await engine.call('import an image', request), () => undefined);
  } finally {
    source.destroy();
  }
  return name;
}

/** In the words of a Dockerfile; lists and texts in quotes are JSON there. */
function changesOf({ env, user, workdir, entrypoint, cmd }: ImageConfig): string[] {
  return [
    ...Object.entries(env).map(([name, value]) => `ENV ${name}=${JSON.stringify(value)}`),
    ...(user === undefined ? [] : [`USER ${user}`]),
    ...(workdir === undefined ? [] : [`WORKDIR ${workdir}`]),
    ...(entrypoint.length === 0 ? [] : [`ENTRYPOINT ${JSON.stringify(entrypoint)}`]),
    ...(cmd.length === 0 ? [] : [`CMD ${JSON.stringify(cmd)}`]),
  ].filter(change => !change.includes('\n'));
}

async function runBuild(session: Session, input: BuildInput, dockerfile: string): Promise<string> {
  const { engine, call, store } = session;
  const context = Readable.from(tarChunks(withDockerfile(input.context.root, dockerfile), call.signal));
  const options = {
    dockerfile: DOCKERFILE,
    rm: true,
    forcerm: true,
    buildargs: { ...input.arguments },
    ...(input.target === undefined ? {} : { target: input.target }),
    labels: { 'heyvm.store': store, 'heyvm.kind': 'build' },
  };
  const output: string[] = [];
  let id: string | undefined;
  try {
    const request: Request<NodeJS.ReadableStream> = docker => docker.buildImage(context, options);
    await follow(await engine.call('build', request), ({ aux, stream = '' }) => {
      output.push(stream);
      id = aux?.ID ?? id;
      const step = /^Step \d+\/\d+ : .*/.exec(stream)?.[0];
      if (step !== undefined) call.progress({ phase: 'building', detail: step });
    });
  } catch (error) {
    call.signal.throwIfAborted();
    throw told(error, output);
  } finally {
    context.destroy();
  }
  return id ?? fail('build-failed', 'the container engine did not say which image it built');
}

/** What a step printed explains its failure. */
function told(error: unknown, output: readonly string[]): unknown {
  if (!(error instanceof SandboxError) || error.code !== 'command-failed') return error;
  const last = output.join('').trimEnd().split('\n').slice(-20).join('\n');
  const reason = error instanceof EngineRefusal ? error.said : error.message;
  return new SandboxError('build-failed', `the build failed: ${reason.trim()}`, {
    ...(last === '' ? {} : { hint: `the last lines were:\n${last}` }),
    cause: error,
  });
}

function withDockerfile(context: FolderNode, dockerfile: string): FolderNode {
  const root = newRoot();
  for (const [name, node] of context.children) root.children.set(name, node);
  put(root, DOCKERFILE, fileOf(dockerfile));
  return root;
}

/** From a container that never runs, which exists for this moment alone. */
async function exportRoot({ engine, call, store }: Session, image: string, scratch: string): Promise<Draft> {
  call.progress({ phase: 'taking the files out of the engine' });
  const labels = { 'heyvm.store': store, 'heyvm.kind': 'build' };
  const id = await createContainer(engine, { Image: image, Cmd: ['true'], Labels: labels });
  try {
    const files = await engine.call('give out the files', docker => docker.getContainer(id).export());
    return await draftTar(bytesIn(files), join(scratch, 'engine.tar'), withoutMark);
  } finally {
    // Also after an interruption, so without its signal.
    await discardContainer(engine, id, patience());
  }
}

/** Tells programs that a container is around them, which is not said of an image. */
const MARK = '.dockerenv';

const withoutMark: Foresight = {
  changeOf: path => (path === MARK ? () => undefined : foreseen.changeOf(path)),
  adds: foreseen.adds,
};

async function* bytesIn(stream: NodeJS.ReadableStream): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of stream) yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
}
