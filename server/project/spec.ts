// What a project file means for one folder, and what of it somebody has to agree to. No input or output.
import { isModulePath } from '../core/modules.ts';
import { readDuration, readSize } from '../core/values.ts';
import type { NetworkMode } from '../protocol/backend.ts';
import type { ProjectAsk, ProjectBuild, ProjectFile } from '../protocol/projectFile.ts';
import type { Limits, Mount, PublishedPort, SandboxSpec } from '../protocol/sandbox.ts';

export type Project = {
  readonly spec: SandboxSpec;
  readonly build?: ProjectBuild | undefined;
  /** Words of programs. */
  readonly setup: readonly (readonly string[])[];
  readonly command?: readonly string[] | undefined;
  readonly ready?: ReadyWhen | undefined;
  /** Of the editor, offered to whoever opens a window on it. */
  readonly extensions: readonly string[];
  /** Of this machine, whose values are part of all this. */
  readonly variables: readonly string[];
};

export type ReadyWhen = {
  readonly port?: number | undefined;
  readonly path?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly timeoutMs: number;
};

const READY_MS = 60_000;

/** `resolvePath` makes a path absolute from the project's folder. */
export function projectOf(file: ProjectFile, resolvePath: (path: string) => string): Project {
  const { image, setup = [], command, ready, extensions = [] } = file;
  return {
    extensions,
    variables: [],
    spec: specOf(file, resolvePath),
    ...(typeof image === 'object' ? { build: image } : {}),
    setup: setup.map(wordsOf),
    ...(command === undefined ? {} : { command: wordsOf(command) }),
    ...(ready === undefined
      ? {}
      : {
          ready: {
            port: ready.port,
            path: ready.path,
            command: ready.command === undefined ? undefined : wordsOf(ready.command),
            timeoutMs: msOf(ready.timeout) ?? READY_MS,
          },
        }),
  };
}

function specOf(file: ProjectFile, resolvePath: (path: string) => string): SandboxSpec {
  const { name, backend, image, user, runtime, type, network, env, limits, ttl } = file;
  const ports = file.ports?.map(portOf);
  const mounts = file.mounts?.map(mount => ({ ...mount, source: resolvePath(mount.source) }));
  return present({
    ...{ name, backend, user, runtime, type, network, env, ports, mounts },
    image: typeof image === 'string' ? imageOf(image, resolvePath) : undefined,
    limits: limits === undefined ? undefined : limitsOf(limits),
    ttl_seconds: secondsOf(ttl),
  });
}

/** A file of the project where it looks like one. */
function imageOf(image: string, resolvePath: (path: string) => string): string {
  return isModulePath(image) ? resolvePath(image) : image;
}

function portOf(port: NonNullable<ProjectFile['ports']>[number]): PublishedPort {
  if (typeof port === 'number') return { guest: port };
  if (typeof port === 'object') return port;
  const [host, guest] = port.split(':').map(Number);
  return { guest: guest ?? 0, host };
}

function limitsOf({ cpus, pids, memory, wall, disk }: NonNullable<ProjectFile['limits']>): Limits {
  return present({ cpus, pids, memory: bytesOf(memory), disk: bytesOf(disk), wall: secondsOf(wall) });
}

/** Only the guest's own shell reads a line. */
function wordsOf(program: string | readonly string[]): readonly string[] {
  return typeof program === 'string' ? ['sh', '-c', program] : program;
}

function bytesOf(size: number | string | undefined): number | undefined {
  return typeof size === 'string' ? readSize(size) : size;
}

function msOf(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : readDuration(duration);
}

function secondsOf(duration: string | undefined): number | undefined {
  const ms = msOf(duration);
  return ms === undefined ? undefined : Math.max(1, Math.ceil(ms / 1000));
}

/** What the person has settled for, as far as a file could undo it. */
export type Standing = {
  readonly network: NetworkMode;
  readonly limits: Limits;
  /** Whether a path is the project's own, with all links resolved. */
  readonly isInside: (path: string) => boolean;
  /** Why the backend of the file is weaker than the one that the person would get. */
  readonly weaker?: string | undefined;
};

/** In the order of the file; empty when the file can be followed without asking anybody. */
export function asksOf({ spec, build, variables }: Project, standing: Standing): readonly ProjectAsk[] {
  const { network, ports = [], mounts = [], limits = {}, backend, image } = spec;
  return [
    ...(standing.weaker === undefined ? [] : [{ what: `backend ${backend}`, why: standing.weaker }]),
    ...(build === undefined
      ? []
      : [
          {
            what: `build of ${build.dockerfile}`,
            why: 'its steps run in the builder, with its network',
            once: true,
          },
        ]),
    ...(image?.startsWith('/') === true && !standing.isInside(image)
      ? [{ what: `image ${image}`, why: 'it is a file of this machine outside of the project' }]
      : []),
    ...variables.map(name => ({
      what: `variable ${name} of this machine`,
      why: 'programs inside can read its value',
    })),
    ...networkAsks(network, standing),
    ...ports.flatMap(portAsks),
    ...mounts.flatMap(mount => mountAsks(mount, standing)),
    ...limitAsks(limits, standing.limits),
  ];
}

function networkAsks(network: NetworkMode | undefined, standing: Standing): ProjectAsk[] {
  if (network === undefined || network === 'none' || network === standing.network) return [];
  return [
    {
      what: `network ${network}`,
      why: 'programs inside can reach other machines, and send there what they read',
    },
  ];
}

function portAsks({ host, guest }: PublishedPort): ProjectAsk[] {
  if (host === undefined) return [];
  return [
    { what: `port ${host} of this machine`, why: `whoever asks it is answered by port ${guest} inside` },
  ];
}

function mountAsks({ source, target, mode }: Mount, { isInside }: Standing): ProjectAsk[] {
  if (isInside(source)) return [];
  const may = mode === 'rw' ? 'read and change' : 'read';
  return [{ what: `mount of ${source} at ${target} (${mode})`, why: `programs inside ${may} it` }];
}

function limitAsks(asked: Limits, standing: Limits): ProjectAsk[] {
  return (['cpus', 'memory', 'pids', 'wall', 'disk'] as const).flatMap(name => {
    const [wish, bound] = [asked[name], standing[name]];
    if (wish === undefined || bound === undefined || wish <= bound) return [];
    return [{ what: `${name} ${wish}`, why: `the settings allow ${bound}` }];
  });
}

function present<T extends Record<string, unknown>>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
