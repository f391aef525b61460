// What a devcontainer.json means in the words of heyvm's own project file, and what of it nobody follows.
import { posix } from 'node:path';
import type { ProjectBuild, ProjectFile, Unfollowed } from '../../protocol/projectFile.ts';
import type { Command, DevcontainerFile } from './file.ts';
import { bindMountOf } from './mounts.ts';
import { unfollowedKeys } from './unfollowed.ts';
import { userOf } from './user.ts';
import { type Filled, fill, fillProgram, type Machine } from './variables.ts';
import { placeOf } from './workspace.ts';

export type Translated = {
  readonly file: ProjectFile;
  readonly unfollowed: readonly Unfollowed[];
  /** Of this machine, whose values would be seen inside. */
  readonly variables: readonly string[];
};

export type Place = {
  /** Where the file is, from the project's folder and with `/`. */
  readonly path: string;
  /** Without one, nothing of a machine gets into the result. */
  readonly machine?: Machine | undefined;
};

type Program = NonNullable<ProjectFile['setup']>[number];

export function translate(said: DevcontainerFile, place: Place): Translated {
  const reader = new Reader(said, place);
  const setup = (['onCreateCommand', 'updateContentCommand', 'postCreateCommand'] as const).flatMap(key =>
    reader.programs(key, said[key]),
  );
  const command = reader.single('postStartCommand', said.postStartCommand);
  const file: ProjectFile = {
    ...present('image', reader.image()),
    ...present('user', reader.user()),
    // What these programs do was written for containers, which have a network.
    ...(setup.length > 0 || command !== undefined ? { network: 'open' } : {}),
    ...present('env', filled(reader.env())),
    ...present('ports', filled(reader.ports())),
    ...present('mounts', filled([...reader.workspace(), ...reader.mounts()])),
    ...present('setup', filled(setup)),
    ...present('command', command),
    ...present('extensions', filled(extensionsOf(said))),
  };
  return { file, unfollowed: reader.unfollowed, variables: [...new Set(reader.variables)] };
}

class Reader {
  readonly unfollowed: Unfollowed[];
  readonly variables: string[] = [];
  readonly #said: DevcontainerFile;
  readonly #place: Place;

  constructor(said: DevcontainerFile, place: Place) {
    this.#said = said;
    this.#place = place;
    this.unfollowed = unfollowedKeys(said);
  }

  image(): ProjectFile['image'] {
    const { image, build, dockerFile, context } = this.#said;
    const dockerfile = build?.dockerfile ?? dockerFile;
    if (dockerfile === undefined) return image === undefined ? undefined : this.#fill('image', image);
    if (image !== undefined) this.#leave('image', 'the Dockerfile is what is built');
    const args = this.#filledRecord('build.args', build?.args ?? {});
    const path = this.#fromProject('build.dockerfile', dockerfile);
    const folder = this.#fromProject('build.context', build?.context ?? context ?? '.');
    if (path === undefined || folder === undefined) return undefined;
    const made: ProjectBuild = {
      dockerfile: path,
      context: folder,
      ...present('arguments', filled(args)),
      ...present('target', build?.target),
    };
    return made;
  }

  user(): string | undefined {
    const { user, unfollowed } = userOf(this.#said);
    this.unfollowed.push(...unfollowed);
    return user;
  }

  /** The project once more, where its programs expect it. */
  workspace(): NonNullable<ProjectFile['mounts']> {
    const { workspaceFolder, workspaceMount } = this.#said;
    const key = workspaceMount === undefined ? 'workspaceFolder' : 'workspaceMount';
    const mount = this.#workspaceMount(workspaceMount);
    const folder = workspaceFolder === undefined ? undefined : this.#fill('workspaceFolder', workspaceFolder);
    if (mount === undefined && folder === undefined) return [];
    const placed = placeOf({ folder, mount });
    if (!placed.ok) return this.#leave(key, placed.why);
    if (placed.elsewhere !== undefined) this.#leave('workspaceFolder', placed.elsewhere);
    return placed.target === undefined ? [] : [{ source: '.', target: placed.target, mode: 'rw' }];
  }

  #workspaceMount(said: string | undefined): string | undefined {
    // An empty one says that nothing is to be mounted, which is not what a sandbox is for.
    const mount = said === undefined ? undefined : bindMountOf(said);
    if (mount === undefined) return undefined;
    if ('why' in mount) this.#leave('workspaceMount', mount.why);
    else if (!/^\$\{localWorkspaceFolder\}\/?$/.test(mount.source))
      this.#leave('workspaceMount', `the folder of the project is what is shown, not ${mount.source}`);
    else return this.#fill('workspaceMount', mount.target);
    return undefined;
  }

  env(): Record<string, string> {
    const outer = this.#filledRecord('containerEnv', this.#said.containerEnv ?? {});
    const given = Object.entries(this.#said.remoteEnv ?? {});
    const removed = given.filter(([, value]) => value === null).map(([name]) => name);
    const kept = given.filter((pair): pair is [string, string] => pair[1] !== null);
    const env = { ...outer, ...this.#filledRecord('remoteEnv', Object.fromEntries(kept), outer) };
    return Object.fromEntries(Object.entries(env).filter(([name]) => !removed.includes(name)));
  }

  ports(): NonNullable<ProjectFile['ports']> {
    const { forwardPorts = [], appPort = [] } = this.#said;
    const forwarded = forwardPorts.flatMap((port, index) => {
      if (typeof port === 'number') return [port];
      const [host = '', number] = port.split(':');
      if (['localhost', '127.0.0.1'].includes(host)) return [Number(number)];
      return this.#leave(`forwardPorts.${index}`, `${host} is another machine than the guest`);
    });
    const published = [appPort].flat().flatMap(port => {
      if (typeof port === 'number') return [{ guest: port, host: port }];
      const pair = /^(?:127\.0\.0\.1:|localhost:)?(\d{1,5}):(\d{1,5})$/.exec(port);
      if (pair !== null) return [{ guest: Number(pair[2]), host: Number(pair[1]) }];
      return this.#leave('appPort', `${port} is no port and no HOST:GUEST`);
    });
    return [...forwarded, ...published];
  }

  mounts(): NonNullable<ProjectFile['mounts']> {
    return (this.#said.mounts ?? []).flatMap((said, index) => {
      const name = `mounts.${index}`;
      const mount = bindMountOf(said);
      if ('why' in mount) return this.#leave(name, mount.why);
      // The project's own folder needs no machine to be known.
      const within = mount.source.replace(/^\$\{localWorkspaceFolder\}(?=\/|$)/, '.');
      const source = this.#fill(name, within);
      const target = source === undefined ? undefined : this.#fill(name, mount.target);
      return source === undefined || target === undefined ? [] : [{ source, target, mode: mount.mode }];
    });
  }

  /** Those of an object run one after the other here. */
  programs(key: string, said: Command | undefined): Program[] {
    if (said === undefined) return [];
    if (typeof said === 'string' || Array.isArray(said)) return this.#program(key, said);
    return Object.entries(said).flatMap(([name, program]) => this.#program(`${key}.${name}`, program));
  }

  single(key: string, said: Command | undefined): Program | undefined {
    const programs = this.programs(key, said);
    if (programs.length > 1) this.#leave(key, 'a sandbox starts one program; let a script start the others');
    return programs.length > 1 ? undefined : programs[0];
  }

  #program(key: string, said: Program): Program[] {
    const words = typeof said === 'string' ? [said] : said;
    const done: string[] = [];
    for (const word of words) {
      const text = this.#take(key, fillProgram(word));
      if (text === undefined) return [];
      done.push(text);
    }
    return [typeof said === 'string' ? (done[0] ?? '') : done];
  }

  #filledRecord(
    key: string,
    values: Readonly<Record<string, string>>,
    inside: Readonly<Record<string, string>> = {},
  ): Record<string, string> {
    return Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => {
        const text = this.#fill(`${key}.${name}`, value, inside);
        return text === undefined ? [] : [[name, text] as const];
      }),
    );
  }

  /** Paths of a build are from the folder of the file. */
  #fromProject(key: string, path: string): string | undefined {
    const own = /^\$\{localWorkspaceFolder\}\/*(.*)$/.exec(path)?.[1];
    const text = own ?? this.#fill(key, posix.join(posix.dirname(this.#place.path), path));
    return text === undefined ? undefined : posix.join(text, '.').replace(/\/$/, '') || '.';
  }

  #fill(key: string, text: string, inside: Readonly<Record<string, string>> = {}): string | undefined {
    return this.#take(key, fill(text, { machine: this.#place.machine, inside }));
  }

  #take(key: string, done: Filled): string | undefined {
    if (done.ok) {
      this.variables.push(...done.variables);
      return done.text;
    }
    this.#leave(key, done.why);
    return undefined;
  }

  #leave(what: string, why: string): never[] {
    this.unfollowed.push({ what, why });
    return [];
  }
}

/** One with a minus takes away what an image's metadata offers, which nobody reads here. */
function extensionsOf({ customizations, extensions = [] }: DevcontainerFile): string[] {
  const all = [...extensions, ...(customizations?.vscode?.extensions ?? [])];
  return [...new Set(all.filter(id => !id.startsWith('-')).map(id => id.replace(/@.*$/, '')))];
}

function present<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
}

function filled<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}
