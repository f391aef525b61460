// Finds out whether guests can be made with the engine that is found, without starting anything.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineContext } from '../../core/backend.ts';
import { SandboxError } from '../../core/errors.ts';
import { formatAddress } from '../../engine/address.ts';
import { createContainer } from '../../engine/containers.ts';
import { discover, type Found, surroundings } from '../../engine/discover.ts';
import { type Engine, EngineRefusal, engineAt } from '../../engine/engine.ts';
import { ensureFolder } from '../../platform/files.ts';
import type { Availability, Capabilities } from '../../protocol/backend.ts';
import { type Info, Version } from './answers.ts';
import { freshInfo } from './known.ts';
import { type Options, parseOptions } from './options.ts';
import { boundaryOf, type Traits, traitsOf } from './traits.ts';

/** An engine on this machine answers at once; one that does not is as good as absent. */
const PATIENCE_MS = 8_000;

/** The first version whose mounts refuse a source that is missing and whose waiting knows conditions. */
const OLDEST_API = [1, 30] as const;

export async function probe(context: MachineContext, ceiling: Capabilities): Promise<Availability> {
  const options = parseOptions(context.options);
  let found: Found;
  try {
    found = discover(options.connect, surroundings());
  } catch (error) {
    return explained(error);
  }
  const engine = engineAt(found.address, AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]));
  try {
    const [version, info, sight] = await Promise.all([
      apiVersion(engine),
      freshInfo(engine, context.cache),
      sees(engine, context.cache),
    ]);
    return judge({ found, version, info, sight, options }, ceiling);
  } catch (error) {
    context.signal.throwIfAborted();
    return explained(error);
  }
}

type Sight = 'all' | 'nothing';

type Findings = {
  readonly found: Found;
  readonly version: string;
  readonly info: Info;
  readonly sight: Sight;
  readonly options: Options;
};

/** Pure: what the findings mean. */
export function judge(
  { found, version, info, sight, options }: Findings,
  ceiling: Capabilities,
): Availability {
  const where = `${formatAddress(found.address)} (from ${found.from})`;
  if (!isNewEnough(version)) {
    const what = `the engine at ${where} speaks version ${version} of the API, ${OLDEST_API.join('.')} is needed`;
    return { kind: 'missing', what, fix: 'upgrade the engine' };
  }
  if (info.OSType !== 'linux') {
    return {
      kind: 'missing',
      what: `the engine at ${where} runs ${info.OSType} containers`,
      fix: 'switch it to Linux containers',
    };
  }
  if (sight === 'nothing') {
    const what = `the engine at ${where} does not see the files of this machine`;
    return { kind: 'missing', what, fix: 'use an engine of this machine, or run heyvm where the engine is' };
  }
  const traits = traitsOf(info);
  if (options.runtime !== undefined && !traits.runtimes.includes(options.runtime)) {
    const what = `the engine at ${where} has no runtime ${options.runtime}, only ${traits.runtimes.join(', ')}`;
    return {
      kind: 'missing',
      what,
      fix: 'add it to the engine’s configuration, or leave out the option runtime',
    };
  }
  return {
    kind: 'ready',
    version: info.ServerVersion,
    capabilities: { ...ceiling, boundary: boundaryOf(options.runtime), resources: traits.resources },
    notes: notesOf(traits, info, where),
  };
}

function notesOf(traits: Traits, info: Info, where: string): string[] {
  const unbound = Object.entries(traits.resources).flatMap(([name, degree]) =>
    degree === 'none' ? [name] : [],
  );
  return [
    `engine ${where}`,
    ...(traits.rootless ? ['the engine is rootless: root inside is the user who runs it'] : []),
    ...(traits.remapped
      ? ['the engine maps users, which is left out for sandboxes so that files keep their owner']
      : []),
    ...(traits.seccomp === 'off'
      ? ['the engine filters no system calls: its seccomp profile is switched off']
      : []),
    ...(unbound.length > 0 ? [`the engine cannot limit ${unbound.join(', ')}`] : []),
    ...(info.LiveRestoreEnabled ? ['containers survive a restart of the engine'] : []),
  ];
}

async function apiVersion(engine: Engine): Promise<string> {
  const { ApiVersion } = await engine.read('tell its version', Version, docker => docker.version());
  return ApiVersion;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_API[0] || (major === OLDEST_API[0] && minor >= OLDEST_API[1]);
}

/**
 * Asks for a container of an image that does not exist with a folder that only this machine has. An engine looks at
 * mounts first, so that its refusal tells whether it found the folder, and nothing is made either way.
 */
async function sees(engine: Engine, cache: string): Promise<Sight> {
  await ensureFolder(cache);
  const folder = await mkdtemp(join(cache, 'sight-'));
  const wanted = {
    Image: 'heyvm-no-such-image:none',
    HostConfig: { Mounts: [{ Type: 'bind', Source: folder, Target: '/sight', ReadOnly: true }] },
  };
  try {
    await createContainer(engine, wanted);
    return 'all';
  } catch (error) {
    if (error instanceof EngineRefusal) return error.status === 400 ? 'nothing' : 'all';
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function explained(error: unknown): Availability {
  if (error instanceof SandboxError) {
    if (error.code === 'unsupported') return { kind: 'unsupported', why: error.message };
    return { kind: 'missing', what: error.message, fix: error.hint ?? 'see heyvm doctor' };
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return {
      kind: 'missing',
      what: 'the engine does not answer',
      fix: 'restart it, for example: systemctl restart docker',
    };
  }
  throw error;
}
