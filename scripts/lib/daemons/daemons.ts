// How tests come by daemons: one of each for a whole test run, started when it is first asked for.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export type Kept =
  | { readonly kind: 'running'; readonly socket: string }
  | { readonly kind: 'not run'; readonly why: string };

/** Where the keeper of this run is, for the processes below it. */
const VARIABLE = 'HEYVM_TEST_KEEPER';

export function sharedDockerd(): Promise<Kept> {
  docker ??= askKeeper('/docker');
  return docker;
}

let docker: Promise<Kept> | undefined;

/** Starts a keeper for this process and those below it; it ends with this process, or with `end`. */
export async function startKeeper(): Promise<{ end(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'hvk-'));
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'keeper.ts'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // A group of its own, so that it outlives an interrupt long enough to end what it started.
    detached: true,
  });
  await once(keeper.stdout, 'data');
  process.env[VARIABLE] = join(folder, 'keeper.sock');
  letGo(keeper);
  return {
    end: async () => {
      delete process.env[VARIABLE];
      keeper.ref();
      const ended = once(keeper, 'exit');
      keeper.stdin.end();
      await ended;
    },
  };
}

/** It must not keep this process alive; that this process ends is what ends it. */
function letGo(keeper: ChildProcess): void {
  keeper.unref();
  for (const stream of [keeper.stdin, keeper.stdout])
    if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
}

async function askKeeper(path: string): Promise<Kept> {
  if (process.env[VARIABLE] === undefined) await startKeeper();
  const asked = request({ socketPath: process.env[VARIABLE], path });
  asked.end();
  const [response] = await once(asked, 'response');
  return JSON.parse(await text(response)) as Kept;
}
