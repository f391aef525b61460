// Serves the workspace to a machine over its line: the guest asks for files in SFTP, and a program of ours answers, which
// sees the folders of its plan and nothing else of the host.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverContext, LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { spawnChild } from '../../platform/spawn.ts';
import { serveShare } from '../../wire/setup.ts';
import { SHARE_TAG } from './domain.ts';
import type { Line } from './line.ts';
import type { Places } from './places.ts';

export type Serving = {
  readonly context: DriverContext;
  readonly line: Line;
  readonly places: Places;
  readonly owner: LaunchRequest['owner'];
};

/** Answers when the guest can ask; whenever that breaks, it begins anew, until the line is closed. */
export async function serveFiles(serving: Serving): Promise<void> {
  const first = serveOnce(serving);
  void keepServing(serving, first);
  await first;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** Programs inside wait meanwhile. */
async function keepServing(serving: Serving, first: Promise<Served>): Promise<void> {
  const { context, line } = serving;
  let pause = FIRST_PAUSE_MS;
  let said = '';
  for (let next = first; !line.ended.aborted; next = serveOnce(serving)) {
    try {
      await (await next).over;
      pause = FIRST_PAUSE_MS;
      said = '';
    } catch (error) {
      if (line.ended.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      if (why !== said) context.log(`the workspace cannot be served: ${why}`);
      said = why;
    }
    await delay(pause, undefined, { signal: line.ended }).catch(() => undefined);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

type Served = { readonly over: Promise<void> };

async function serveOnce({ context, line, places, owner }: Serving): Promise<Served> {
  const words = process.getuid?.() === 0 && owner.uid !== 0 ? ['--as', `${owner.uid}:${owner.gid}`] : [];
  const argv = [context.agent, 'share', ...words, places.sharePlan] as const;
  const server = spawnChild([...argv], { env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
  try {
    await ready(server);
    const channel = await serveShare(() => line.connect(), SHARE_TAG);
    return { over: relay(server, channel) };
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  }
}

const LONGEST_WORDS = 4_000;

/** It says one word when it has composed what it shows, and a sentence when it cannot. */
async function ready(server: ChildProcess): Promise<void> {
  let said = '';
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.stderr?.on('data', (chunk: Buffer) => {
    said = (said + String(chunk)).slice(-LONGEST_WORDS);
    if (said.split('\n').includes('ready')) resolve(true);
  });
  server.once('error', error => {
    said = error.message;
    resolve(false);
  });
  server.once('close', () => resolve(false));
  if (await promise) return;
  fail('guest-failed', `the workspace cannot be served: ${said.trim()}`);
}

/** Resolves when either side is gone, and then both are. */
async function relay(server: ChildProcess, channel: Duplex): Promise<void> {
  const { stdin, stdout } = server;
  const gone = once(server, 'close');
  for (const stream of [channel, stdin, stdout]) {
    // Whichever breaks is seen by its closing.
    stream?.on('error', () => undefined);
    stream?.on('close', () => {
      channel.destroy();
      server.kill('SIGKILL');
    });
  }
  if (stdin !== null) channel.pipe(stdin);
  stdout?.pipe(channel);
  await gone;
  channel.destroy();
}
