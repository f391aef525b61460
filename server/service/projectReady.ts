// Waits until what a project started can be used: a port that listens, an answer to a request, or a program that says so.
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../core/errors.ts';
import type { OwnerConnection } from '../owner/connect.ts';
import type { ReadyWhen } from '../project/spec.ts';
import type { CallContext } from './deps.ts';

const POLL_MS = 100;
const ANSWER_MS = 5_000;

export type Waited = { readonly name: string; readonly owner: OwnerConnection; readonly ready: ReadyWhen };

export async function waitUntilReady({ name, owner, ready }: Waited, context: CallContext): Promise<void> {
  const { signal, progress } = context;
  progress({ phase: 'waiting until it is ready' });
  const until = performance.now() + ready.timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const { state, exit_code: code } = await owner.call('owner/command', { start: false });
    if (state === 'ended') {
      fail(
        'guest-failed',
        `the command of ${name} ended${code === undefined ? '' : ` with ${code}`} before it was ready`,
        {
          hint: `heyvm logs ${name}`,
        },
      );
    }
    if (await isReady(owner, ready)) return;
    if (performance.now() > until) {
      fail('timeout', `${name} was not ready within ${ready.timeoutMs} ms`, {
        hint: `heyvm logs ${name} shows what it did; ready.timeout gives it longer`,
      });
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

async function isReady({ guest }: OwnerConnection, { port, path, command }: ReadyWhen): Promise<boolean> {
  if (command !== undefined && !(await succeeds(guest, command))) return false;
  if (port === undefined) return true;
  if (path !== undefined) return answers(guest, port, path);
  return (await guest.listeningPorts()).some(known => known.port === port);
}

async function succeeds(guest: OwnerConnection['guest'], argv: readonly string[]): Promise<boolean> {
  const child = await guest.exec({ argv: [...argv] });
  child.stdin.on('error', () => {
    // It need not read its input.
  });
  child.stdin.end();
  child.stdout.resume();
  child.stderr.resume();
  const patience = AbortSignal.timeout(ANSWER_MS);
  patience.addEventListener('abort', () => child.hangUp());
  const status = await child.exited;
  return status.kind === 'exited' && status.code === 0;
}

async function answers(guest: OwnerConnection['guest'], port: number, path: string): Promise<boolean> {
  let stream: Duplex;
  try {
    stream = await guest.dial({ kind: 'tcp', host: '127.0.0.1', port });
  } catch {
    // Nobody listens yet.
    return false;
  }
  return new Promise(resolve => {
    const asked = request({ path, headers: { host: `127.0.0.1:${port}` }, createConnection: () => stream });
    const end = (ready: boolean): void => {
      stream.destroy();
      resolve(ready);
    };
    asked.setTimeout(ANSWER_MS, () => end(false));
    asked.on('error', () => end(false));
    asked.on('response', response => {
      response.on('error', () => undefined).resume();
      end((response.statusCode ?? 500) < 400);
    });
    asked.end();
  });
}
