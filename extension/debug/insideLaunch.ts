// What a launch of the debugger becomes in a window on a worktree: a program that is started inside, and an attach to it.
import { isAbsolute, posix, relative, sep } from 'node:path';
import { WORKSPACE } from '../names.ts';

export type Configuration = Readonly<Record<string, unknown>>;

export type Launch =
  /** It starts no program. */
  | { readonly kind: 'attaches' }
  | { readonly kind: 'inside'; readonly run: Run; readonly attach: Configuration }
  /** Its program would run on this machine. */
  | { readonly kind: 'outside'; readonly why: string };

export type Run = {
  /** What follows the options by which a program waits for its debugger. */
  readonly words: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
};

const nodeTypes = ['node', 'pwa-node'];

/** What says how a program is started, and nothing of how it is debugged. */
const ofTheStart = new Set([
  ...['request', 'program', 'args', 'cwd', 'env', 'envFile', 'console', 'outputCapture', 'stopOnEntry'],
  ...['runtimeExecutable', 'runtimeArgs', 'runtimeVersion', 'attachSimplePort', 'killBehavior'],
  ...['profileStartup', 'experimentalNetworking', 'nodeVersionHint', 'runtimeSourcemapPausePatterns'],
]);

/** With the port at which it waits, inside. */
export function programOf({ words }: Run, port: number): readonly string[] {
  return ['node', `--inspect-brk=127.0.0.1:${port}`, ...words];
}

/** In a window on a worktree, which is the folder. A child of a session that runs already is an attach, whatever its first words say. */
export function launchInside(configuration: Configuration, folder: string): Launch {
  const { type, request } = configuration;
  if (request !== 'launch' || '__pendingTargetId' in configuration) return { kind: 'attaches' };
  if (typeof type !== 'string' || !nodeTypes.includes(type))
    return {
      kind: 'outside',
      why: `heyvm starts programs of the type node inside, and none of the type ${type}`,
    };
  try {
    const run = runOf(configuration, folder);
    return { kind: 'inside', run, attach: attachOf(configuration, folder) };
  } catch (error) {
    if (error instanceof Refused) return { kind: 'outside', why: error.message };
    throw error;
  }
}

class Refused extends Error {}

function runOf(configuration: Configuration, folder: string): Run {
  const { program, runtimeExecutable = 'node', runtimeArgs, args, cwd, envFile } = configuration;
  if (runtimeExecutable !== 'node' && runtimeExecutable !== null)
    throw new Refused(
      `"runtimeExecutable" is ${JSON.stringify(runtimeExecutable)}, and only node is started inside`,
    );
  if (typeof program !== 'string' || program === '') throw new Refused('it names no "program"');
  if (typeof envFile === 'string' && envFile !== '') throw new Refused('"envFile" is a file of this machine');
  const words = [
    ...wordsIn(runtimeArgs, 'runtimeArgs'),
    inside(program, 'program', folder),
    ...wordsIn(args, 'args'),
  ];
  return {
    words,
    cwd: typeof cwd === 'string' && cwd !== '' ? inside(cwd, 'cwd', folder) : WORKSPACE,
    env: environmentIn(configuration['env']),
  };
}

function wordsIn(value: unknown, name: string): readonly string[] {
  if (value === undefined || value === null || value === '') return [];
  if (!Array.isArray(value)) throw new Refused(`"${name}" is a line for a shell; a list is needed`);
  return value.map(String);
}

function environmentIn(value: unknown): Readonly<Record<string, string>> {
  const known = Object.entries(typeof value === 'object' && value !== null ? value : {});
  return Object.fromEntries(known.flatMap(([name, text]) => (text === null ? [] : [[name, String(text)]])));
}

/** A file or folder of the worktree as the guest sees it. */
function inside(path: string, name: string, folder: string): string {
  const below = isAbsolute(path) ? relative(folder, path) : path;
  const parts = below.split(sep);
  if (isAbsolute(below) || parts.includes('..'))
    throw new Refused(`"${name}" is not in the worktree: ${path}`);
  return posix.join(WORKSPACE, ...parts);
}

function attachOf(configuration: Configuration, folder: string): Configuration {
  const kept = Object.entries(configuration).filter(([name]) => !ofTheStart.has(name));
  return {
    ...Object.fromEntries(kept),
    request: 'attach',
    address: '127.0.0.1',
    localRoot: folder,
    remoteRoot: WORKSPACE,
    continueOnAttach: configuration['stopOnEntry'] !== true,
    // A sandbox may have to load the program first.
    timeout: 60_000,
  };
}
