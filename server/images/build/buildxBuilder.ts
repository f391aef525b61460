// Builds with docker's buildx, where the docker command has it; the result comes out as an archive.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError, toSandboxError } from '../../core/errors.ts';
import { engineProgram, engineVariables } from '../../engine/program.ts';
import { allowedEnvironment } from '../../platform/environment.ts';
import { readContainerArchive } from '../archive.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import type { Builder, BuildInput, Built, FindBuilder } from './builder.ts';
import { writeOciLayout } from './ociLayout.ts';
import { readTar } from './tarRead.ts';

export const findBuildx: FindBuilder = async (deps, { signal }, connect) => {
  const env = environment(deps.env, connect);
  const ask = (words: readonly string[]): Promise<{ code: number }> =>
    deps.run(buildx(words), { signal, env, accept: 'any', timeoutMs: 20_000 });
  try {
    // The first answers without an engine, and the second not without one that can be used.
    for (const word of ['version', 'inspect']) {
      if ((await ask([word])).code !== 0) return { absent: `docker buildx ${word} fails` };
    }
  } catch (error) {
    signal.throwIfAborted();
    return { absent: toSandboxError(error).message };
  }
  const builder: Builder = { name: 'buildx', build: (input, call) => build({ deps, env, call }, input) };
  return builder;
};

type Session = {
  readonly deps: ImageDeps;
  readonly env: Readonly<Record<string, string>>;
  readonly call: ImageCall;
};

async function build({ deps, env, call }: Session, input: BuildInput): Promise<Built> {
  const { scratch } = input;
  const recipe = join(scratch, 'recipe');
  await mkdir(recipe, { mode: 0o700 });
  await writeFile(join(recipe, 'Dockerfile'), input.dockerfile);
  await writeFile(join(recipe, 'Dockerfile.dockerignore'), input.context.ignore);
  const bases: string[] = [];
  for (const [name, image] of input.bases) {
    const folder = join(scratch, `base-${bases.length}`);
    bases.push(
      '--build-context',
      `${name}=oci-layout://${await writeOciLayout(deps, { image, folder }, call)}`,
    );
  }
  const archive = join(scratch, 'image.tar');
  call.progress({ phase: 'building', detail: 'with buildx' });
  const words = [
    ...['build', '--quiet', '--provenance=false', '--file', join(recipe, 'Dockerfile')],
    ...['--output', `type=docker,dest=${archive}`, ...bases],
    ...Object.entries(input.arguments).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...(input.target === undefined ? [] : ['--target', input.target]),
    input.folder,
  ];
  try {
    await deps.run(buildx(words), { signal: call.signal, env });
  } catch (error) {
    call.signal.throwIfAborted();
    throw new SandboxError('build-failed', `the build failed: ${toSandboxError(error).message}`, {
      cause: error,
    });
  }
  const found = await readContainerArchive(deps.paths, readTar(archive), call);
  await rm(archive, { force: true });
  return { root: found.root, config: found.config, files: found.scratch };
}

/** The plugin is found by the command line that it belongs to. */
function buildx(words: readonly string[]): [string, ...string[]] {
  return [engineProgram, 'buildx', ...words];
}

/** The program's own way to find an engine, unless one is named. */
function environment(env: NodeJS.ProcessEnv, connect: string | undefined): Record<string, string> {
  const found = allowedEnvironment(env);
  for (const name of engineVariables) {
    const value = env[name];
    if (value !== undefined) found[name] = value;
  }
  return connect === undefined ? found : { ...found, DOCKER_HOST: connect };
}
