// Starts bubblewrap through the launcher and follows it: descriptors in, status out, and the moment it is over.
import type { ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { DriverContext } from '../../core/backend.ts';
import { identify, type ProcessIdentity } from '../../platform/process.ts';
import { spawnChild } from '../../platform/spawn.ts';
import { parseJson } from '../../protocol/parse.ts';
import { collectWords } from '../kit/words.ts';
import type { LaunchPlan } from './plan.ts';
import { killAndWait } from './running.ts';

export type Started = {
  /** The first process of the guest, once bubblewrap has made it and while it lives. */
  init(): ProcessIdentity | undefined;
  /** Lets go of the guest: its program ends by itself, also when it is only about to start. */
  letGo(): void;
  /** Resolves when no process of the guest is left; never rejects. */
  readonly over: Promise<Over>;
};

export type Over = {
  /** How the guest program ended; absent when bubblewrap could not set the guest up or was killed. */
  readonly code: number | undefined;
  /** The last words of bubblewrap and of the guest program. */
  readonly said: string;
};

export function startBubblewrap(plan: LaunchPlan, context: DriverContext): Started {
  context.signal.throwIfAborted();
  const { child, status } = spawn(plan, context.runtime);
  const words = collectWords(child.stderr, context.log);
  const init = (): ProcessIdentity | undefined => {
    const pid = readStatus(status)['child-pid'];
    return pid === undefined ? undefined : identify(pid);
  };
  const letGo = (): void => void child.stdin?.destroy();
  // Nothing is ever written; the guest program ends when this end closes, as it does when this process dies.
  child.stdin?.on('error', () => undefined);
  const closed = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('close', () => resolve(words.last()));
  });
  const over = closed.then(async said => {
    const left = init();
    // Where bubblewrap itself was killed while it made the guest, the guest does not end with it.
    if (left !== undefined) await killAndWait(left);
    letGo();
    const code = readStatus(status)['exit-code'];
    closeSync(status);
    return { code, said };
  });
  return { init, letGo, over };
}

/**
 * What bubblewrap reads and writes lies in files without a name. Its status is no pipe, because a pipe to an owner
 * that has just died would end bubblewrap in the middle of making a guest, which would then never end.
 */
function spawn(plan: LaunchPlan, folder: string): { child: ChildProcess; status: number } {
  const words = plan.arguments.map(argument => `${argument}\0`).join('');
  const inputs = [words, plan.filter].map((content, index) =>
    openUnnamed(join(folder, `input-${index}`), content),
  );
  const status = openUnnamed(join(folder, 'status'), '');
  try {
    // The lifeline, stdout, stderr, arguments, filter and status, in the order of their numbers.
    const child = spawnChild(plan.argv, { env: {}, stdio: ['pipe', 'ignore', 'pipe', ...inputs, status] });
    return { child, status };
  } finally {
    for (const file of inputs) closeSync(file);
  }
}

function openUnnamed(path: string, content: string | Uint8Array): number {
  writeFileSync(path, content, { mode: 0o600 });
  try {
    return openSync(path, 'r+');
  } finally {
    rmSync(path);
  }
}

const StatusLine = z.looseObject({ 'child-pid': z.optional(z.int()), 'exit-code': z.optional(z.int()) });
type StatusLine = z.output<typeof StatusLine>;

/** One JSON object on each line: the process, and at the end how it ended. A last line may be half written. */
function readStatus(file: number): StatusLine {
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  const lines = bytes.toString('utf8').split('\n');
  const parsed = lines.map(line => parseJson(StatusLine, line)).filter(line => line.ok);
  return Object.assign({}, ...parsed.map(({ value }) => value));
}

/** The guest program is the first child of the namespace's first process, while nothing else runs there. */
export function firstChildOf(pid: number): ProcessIdentity | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const [first = ''] = children;
    return first === '' ? undefined : identify(Number(first));
  } catch {
    // A kernel without this file; the guest is then ended without being asked first.
    return undefined;
  }
}
