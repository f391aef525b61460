// Builds with a container engine over its API: the context goes in as a tar, the root file system comes out as one.
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod/mini';
import { fail, toSandboxError } from '../../core/errors.ts';
import type { ImageConfig, ImageManifest } from '../../protocol/image.ts';
import { parseJson } from '../../protocol/parse.ts';
import { storeIdOf } from '../../store/storeId.ts';
import { configOf, RawConfig } from '../containerConfig.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import { blobPath } from '../layout.ts';
import type { Builder, BuildInput, Built, FindBuilder } from './builder.ts';
import { withBases } from './dockerfile.ts';
import { type EngineCall, type EngineSocket, findEngine } from './engineHttp.ts';
import { type FolderNode, fileOf, newRoot, put, remove } from './rootTree.ts';
import { readTar } from './tarRead.ts';
import { tarChunks } from './tarWrite.ts';

/** In the context that is sent, where no file of a person's is. */
const DOCKERFILE = '.heyvm.Dockerfile';

export const findEngineBuilder: FindBuilder = async (deps, { signal }) => {
  const engine = findEngine(deps.env);
  if (engine === undefined) return { absent: 'no container engine was found' };
  try {
    await engine.ask({
      method: 'GET',
      path: '/_ping',
      signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
    });
  } catch (error) {
    signal.throwIfAborted();
    return { absent: `the container engine does not answer: ${toSandboxError(error).message}` };
  }
  const builder: Builder = {
    name: 'the container engine',
    build: (input, call) => build({ deps, engine, call, store: storeIdOf(deps.paths) }, input),
  };
  return builder;
};

/** The engine's own id of an image, which changes with its content; undefined when it has none of this name. */
export async function imageIdIn(
  engine: EngineSocket,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await engine.ask({ method: 'GET', path: `/images/${name}/json`, signal }, [400, 404]);
  const parsed = parseJson(EngineImage, answer.text);
  return answer.status < 400 && parsed.ok ? parsed.value.Id : undefined;
}

type Session = {
  readonly deps: ImageDeps;
  readonly engine: EngineSocket;
  readonly call: ImageCall;
  readonly store: string;
};

const EngineImage = z.object({ Id: z.string(), Config: z.nullish(RawConfig) });

async function build(session: Session, input: BuildInput): Promise<Built> {
  const { engine, call } = session;
  const names = new Map<string, string>();
  for (const [name, image] of input.bases) names.set(name, await importBase(session, image));
  const dockerfile = withBases(input.dockerfile, input.arguments, names);
  // Its layers stay for the next build; the engine's own prune removes them like those of every other build.
  const id = await runBuild(session, input, dockerfile);
  const { text } = await engine.ask({ method: 'GET', path: `/images/${id}/json`, signal: call.signal });
  const image = parseJson(EngineImage, text);
  if (!image.ok)
    return fail('build-failed', `the container engine described the image oddly: ${image.problem}`);
  const root = await exportRoot(session, id, input.scratch);
  return { root, config: configOf(image.value.Config ?? {}), files: [] };
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
  if ((await imageIdIn(engine, name, call.signal)) !== undefined) return name;
  call.progress({ phase: 'importing the base', detail: image.name });
  const labels = [`LABEL heyvm.store=${store}`, 'LABEL heyvm.kind=base'];
  const { body, status } = await engine.open({
    method: 'POST',
    path: '/images/create',
    query: { fromSrc: '-', repo, tag, changes: [...changesOf(image.config), ...labels] },
    stream: createReadStream(blobPath(deps.paths, rootfs.digest), { highWaterMark: 1024 * 1024 }),
    signal: call.signal,
  });
  await follow(body, status, () => undefined);
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
  const { body, status } = await engine.open({
    method: 'POST',
    path: '/build',
    query: {
      dockerfile: DOCKERFILE,
      rm: '1',
      forcerm: '1',
      buildargs: JSON.stringify(input.arguments),
      labels: JSON.stringify({ 'heyvm.store': store, 'heyvm.kind': 'build' }),
    },
    stream: Readable.from(tarChunks(withDockerfile(input.context.root, dockerfile), call.signal)),
    signal: call.signal,
  });
  let id: string | undefined;
  await follow(body, status, ({ aux, stream }) => {
    id = aux?.ID ?? id;
    const step = /^Step \d+\/\d+ : .*/.exec(stream ?? '')?.[0];
    if (step !== undefined) call.progress({ phase: 'building', detail: step });
  });
  return id ?? fail('build-failed', 'the container engine did not say which image it built');
}

function withDockerfile(context: FolderNode, dockerfile: string): FolderNode {
  const root = newRoot();
  for (const [name, node] of context.children) root.children.set(name, node);
  put(root, DOCKERFILE, fileOf(dockerfile));
  return root;
}

const Line = z.object({
  stream: z.optional(z.string()),
  error: z.optional(z.string()),
  aux: z.optional(z.object({ ID: z.optional(z.string()) })),
});
type Line = z.output<typeof Line>;

/** A line of JSON for each thing that happens; a failure is one of them. */
async function follow(body: Readable, status: number, onLine: (line: Line) => void): Promise<void> {
  const output: string[] = [];
  for await (const text of createInterface({ input: body })) {
    const parsed = parseJson(Line, text);
    if (!parsed.ok) continue;
    const line = parsed.value;
    if (line.stream !== undefined) output.push(line.stream);
    if (line.error !== undefined) failBuild(line.error, output);
    if (status >= 400) failBuild(text, output);
    onLine(line);
  }
  if (status >= 400) failBuild(`the engine answered with status ${status}`, output);
}

function failBuild(reason: string, output: readonly string[]): never {
  const last = output.join('').trimEnd().split('\n').slice(-20).join('\n');
  return fail('build-failed', `the build failed: ${reason.trim()}`, {
    ...(last === '' ? {} : { hint: `the last lines were:\n${last}` }),
  });
}

/** From a container that never runs, which exists for this moment alone. */
async function exportRoot(
  { engine, call, store }: Session,
  image: string,
  scratch: string,
): Promise<FolderNode> {
  call.progress({ phase: 'taking the files out of the engine' });
  const create: EngineCall = {
    method: 'POST',
    path: '/containers/create',
    json: { Image: image, Cmd: ['true'], Labels: { 'heyvm.store': store, 'heyvm.kind': 'build' } },
    signal: call.signal,
  };
  const created = parseJson(z.object({ Id: z.string() }), (await engine.ask(create)).text);
  if (!created.ok) return fail('build-failed', `the container engine made no container: ${created.problem}`);
  const { Id } = created.value;
  try {
    const tar = join(scratch, 'engine.tar');
    const { body, status } = await engine.open({
      method: 'GET',
      path: `/containers/${Id}/export`,
      signal: call.signal,
    });
    if (status >= 400) failBuild(`the engine did not give out the files (status ${status})`, []);
    await pipeline(body, createWriteStream(tar, { flags: 'wx', mode: 0o600, highWaterMark: 1024 * 1024 }));
    const root = readTar(tar);
    remove(root, '.dockerenv');
    return root;
  } finally {
    // Also after an interruption, so without its signal.
    await engine.ask({ method: 'DELETE', path: `/containers/${Id}`, query: { force: '1', v: '1' } }, [404]);
  }
}
