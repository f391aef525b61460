// One program in which a guest may run, started before it is known whether it will be, because starting it takes long.
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { bundle, runnerProgram } from './bundle.ts';
import { spawnChild } from './spawn.ts';

/** A program of `runners`, run by this very Node, which waits for its first line of input. */
export type Runner = { readonly name: string; readonly flags: readonly string[] };

type Begun = { readonly argv: readonly string[]; readonly child: ChildProcess };

let begun: Begun | undefined;

/** Nothing, where its files are not there yet. */
export function beginAhead(runner: Runner): void {
  if (!existsSync(runnerProgram(bundle.folder, runner.name))) return;
  begun = { argv: wordsOf(runner), child: start(runner) };
}

/** The one that was started ahead, when it is the same and still lives. */
export function startRunner(runner: Runner): ChildProcess {
  const known = begun;
  if (known === undefined || !isAlive(known.child)) return start(runner);
  if (known.argv.join('\n') !== wordsOf(runner).join('\n')) return start(runner);
  begun = undefined;
  return known.child;
}

/** Ends the one that nobody took, and resolves when it is gone. */
export async function dismissAhead(): Promise<void> {
  const child = begun?.child;
  begun = undefined;
  if (child === undefined || !isAlive(child)) return;
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await ended;
}

/** With nothing of this environment but how this Node runs programs, and where it keeps the compiled form of them. */
export function runnerEnvironment(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE: compiled } = process.env;
  return {
    ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }),
    ...(process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
  };
}

export function wordsOf({ name, flags }: Runner): readonly [string, ...string[]] {
  return [process.execPath, ...flags, runnerProgram(bundle.folder, name)];
}

function start(runner: Runner): ChildProcess {
  const child = spawnChild(wordsOf(runner), { env: runnerEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
  // Whoever uses it listens as well; until then nobody does.
  child.on('error', () => undefined);
  child.stdin?.on('error', () => undefined);
  return child;
}

function isAlive({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}
