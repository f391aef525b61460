// Starts bubblewrap through the launcher and follows it: descriptors in, status out, and the moment it is over.
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import * as z from 'zod/mini';
import type { DriverContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { identify, type ProcessIdentity } from '../../platform/process.ts';
import { spawnChild } from '../../platform/spawn.ts';
import { parseJson } from '../../protocol/parse.ts';
import { descriptors, type LaunchPlan } from './plan.ts';
import { killAndWait } from './running.ts';

export type Started = {
  /** Known as soon as bubblewrap has made the namespaces. */
  readonly init: ProcessIdentity;
  /** Resolves when no process of the guest is left; never rejects. */
  readonly over: Promise<Over>;
};

export type Over = {
  /** How the guest program ended; absent when bubblewrap could not set the guest up or was killed. */
  readonly code: number | undefined;
  /** The last words of bubblewrap and of the guest program. */
  readonly said: string;
};

/** Fails with `guest-failed` when bubblewrap ends before there is a guest. */
export async function startBubblewrap(plan: LaunchPlan, context: DriverContext): Promise<Started> {
  context.signal.throwIfAborted();
  const child = spawn(plan, context.runtime);
  const words = collectWords(child.stderr, context.log);
  const streams: readonly unknown[] = child.stdio;
  const status = followStatus(streams[descriptors.status]);
  const exited = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  // Nothing is ever written. The guest program ends when this end is closed, as it is when this process dies.
  child.stdin?.on('error', () => undefined);
  try {
    const pid = await Promise.race([status.child, exited.then(() => undefined)]);
    const init = pid === undefined ? undefined : identify(pid);
    if (init === undefined) {
      await exited;
      return fail(
        'guest-failed',
        `bubblewrap could not start the guest: ${words.last() || 'it gave no reason'}`,
        {
          hint: 'heyvm doctor checks what bubblewrap needs',
        },
      );
    }
    const over = exited.then(async () => {
      // Where bubblewrap itself was killed while it made the guest, the guest does not end with it.
      await killAndWait(init);
      child.stdin?.destroy();
      return { code: status.code(), said: words.last() };
    });
    return { init, over };
  } catch (error) {
    child.stdin?.destroy();
    throw error;
  }
}

/** What bubblewrap reads lies in files for a moment, without a name once it is open. */
function spawn(plan: LaunchPlan, folder: string): ChildProcess {
  const contents = {
    [descriptors.arguments]: plan.arguments.map(argument => `${argument}\0`).join(''),
    [descriptors.filter]: plan.filter,
  };
  const files = Object.values(contents).map((content, index) =>
    openUnnamed(join(folder, `input-${index}`), content),
  );
  try {
    // The lifeline, stdout, stderr, the two files, and the pipe for the status, in the order of their numbers.
    return spawnChild(plan.argv, { env: {}, stdio: ['pipe', 'ignore', 'pipe', ...files, 'pipe'] });
  } finally {
    for (const file of files) closeSync(file);
  }
}

function openUnnamed(path: string, content: string | Uint8Array): number {
  writeFileSync(path, content, { mode: 0o600 });
  try {
    return openSync(path, 'r');
  } finally {
    rmSync(path);
  }
}

const StatusLine = z.looseObject({ 'child-pid': z.optional(z.int()), 'exit-code': z.optional(z.int()) });

/** One JSON object for each line: the process, and at the end how it ended. */
function followStatus(stream: unknown): { child: Promise<number>; code(): number | undefined } {
  const child = Promise.withResolvers<number>();
  let text = '';
  let code: number | undefined;
  if (isReadable(stream)) {
    stream.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString('utf8')).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const parsed = parseJson(StatusLine, line);
        if (!parsed.ok) continue;
        if (parsed.value['child-pid'] !== undefined) child.resolve(parsed.value['child-pid']);
        code = parsed.value['exit-code'] ?? code;
      }
    });
  }
  return { child: child.promise, code: () => code };
}

const WORDS_LIMIT = 4_000;

function collectWords(stream: Readable | null, log: (line: string) => void): { last(): string } {
  let text = '';
  stream?.on('data', (chunk: Buffer) => {
    const added = chunk.toString('utf8');
    text = (text + added).slice(-WORDS_LIMIT);
    for (const line of added.split('\n')) if (line !== '') log(`guest: ${line}`);
  });
  return { last: () => text.trim().split('\n').at(-1) ?? '' };
}

function isReadable(stream: unknown): stream is Readable {
  return typeof stream === 'object' && stream !== null && 'on' in stream;
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
