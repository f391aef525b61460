// The ProxyCommand: joins stdin and stdout to a sandbox's ssh socket, and waits while there is something to wait for.
import type { Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fail } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import { connect } from '../platform/sockets.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import type { Entry } from '../store/sandboxes.ts';
import { outlookOn, refuseDown, refuseRemoved } from './outlook.ts';

export type ProxyStreams = {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
  /** Waits until a guest that outlived its owner has another one. */
  readonly settle?: (id: string) => Promise<void>;
  /** Starts a sandbox that nobody has stopped on purpose. */
  readonly start?: (id: string) => Promise<void>;
};

const LOOK_AGAIN_MS = 100;
/** An owner that says it runs and does not answer this often has a defect; time alone passes in a laptop that sleeps. */
const MOST_LOOKS = 50;
/** An endpoint answers at once, unless its owner stands still. */
const SILENCE_MS = 3_000;

/** Ends when both directions have ended. What a person has stopped stays stopped. */
export async function runProxy(paths: Paths, target: string, streams: ProxyStreams): Promise<void> {
  const say = sayOnce(streams.stderr);
  const direct = /^sb-[0-9a-f]{8}$/.test(target)
    ? await tryConnect(sandboxPaths(paths, target).sshSocket)
    : undefined;
  if (direct !== undefined) {
    const first = await join(direct, { ...streams, onSilence: () => say(target, UNANSWERED) });
    if (first === 'endpoint') await sayWhyOver(paths, target, say);
    return;
  }
  const { findEntry } = await import('../store/sandboxes.ts');
  const { record } = await findEntry(paths, target);
  const input = streams.stdin.pipe(new PassThrough());
  const waiting = { ...streams, signal: AbortSignal.any([streams.signal, whenOver(streams.stdin)]) };
  const socket = await waitForEndpoint(paths, record, { ...waiting, say });
  const joined = { ...streams, stdin: input, onSilence: () => say(record.name, UNANSWERED) };
  const first = await join(socket, joined);
  streams.stdin.destroy();
  if (first === 'endpoint') await sayWhyOver(paths, record.id, say);
}

const UNANSWERED = 'does not answer yet, waiting for it';

type Say = (name: string, what: string) => void;

/** A line for every change, and none for what stays as it is. */
function sayOnce(stderr: Writable): Say {
  let last = '';
  return (name, what) => {
    const line = `heyvm: ${name} ${what}\n`;
    if (line !== last) stderr.write(line);
    last = line;
  };
}

/** A client that has gone waits for nothing, and sends no signal when it was killed. */
function whenOver(stdin: Readable): AbortSignal {
  const controller = new AbortController();
  for (const event of ['end', 'close', 'error']) stdin.once(event, () => controller.abort());
  return controller.signal;
}

type Waiting = Pick<ProxyStreams, 'signal' | 'settle' | 'start'> & { readonly say: Say };

async function waitForEndpoint(
  paths: Paths,
  { id, name }: Entry['record'],
  { signal, settle, start, say }: Waiting,
): Promise<Socket> {
  const { readEntry } = await import('../store/sandboxes.ts');
  const { lockHolder } = await import('../store/lock.ts');
  let settled = settle === undefined;
  let looks = 0;
  for (;;) {
    signal.throwIfAborted();
    const entry = await readEntry(paths, id);
    if (entry === undefined || entry.record.intent === 'removed') return refuseRemoved(name);
    const socket = await tryConnect(entry.owner?.ssh_socket ?? sandboxPaths(paths, id).sshSocket);
    if (socket !== undefined) return socket;
    const locked = lockHolder(paths, `sandbox-${id}`) !== undefined;
    const outlook = outlookOn(entry, { locked, settled });
    if (outlook.kind !== 'up') looks = 0;
    switch (outlook.kind) {
      case 'up':
        looks += 1;
        if (looks > MOST_LOOKS) unreachable(entry);
        break;
      case 'wait':
        settled = settle === undefined;
        say(name, `${outlook.why}, waiting for it`);
        break;
      case 'settle':
        say(name, outlook.why);
        settled = true;
        await settle?.(id);
        continue;
      case 'start':
        if (start === undefined) return refuseDown(entry);
        say(name, outlook.why);
        await start(id);
        settled = settle === undefined;
        continue;
      default:
        return refuseDown(entry);
    }
    await wait(LOOK_AGAIN_MS, undefined, { signal });
  }
}

function unreachable({ record }: Entry): never {
  return fail('owner-unreachable', `${record.name} runs, but its ssh endpoint does not answer`, {
    hint: `look at heyvm logs ${record.name}, or restart it with: heyvm restart ${record.name}`,
  });
}

async function tryConnect(path: string): Promise<Socket | undefined> {
  try {
    return await connect(path);
  } catch (error) {
    // No socket, one that a dead owner left, or one whose owner stands still and has many waiting.
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'EAGAIN'].includes(errorCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}

type Joined = Pick<ProxyStreams, 'stdin' | 'stdout' | 'signal'> & { readonly onSilence: () => void };

/** Either side may be the first to fall silent; a break of one ends both. Answers who ended it. */
function join(socket: Socket, { stdin, stdout, signal, onSilence }: Joined): Promise<'client' | 'endpoint'> {
  let first: 'client' | 'endpoint' | undefined;
  const abort = () => {
    first ??= 'client';
    socket.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  const silence = setTimeout(() => {
    if (socket.bytesRead === 0) onSilence();
  }, SILENCE_MS);
  stdin.once('end', () => {
    first ??= 'client';
  });
  stdin.pipe(socket);
  socket.pipe(stdout, { end: false });
  return new Promise(resolve => {
    const over = () => {
      clearTimeout(silence);
      signal.removeEventListener('abort', abort);
      stdin.destroy();
      socket.destroy();
      resolve(first ?? 'endpoint');
    };
    // A reset by a dying owner and a closed stdout are ends like any other: the ssh client says what it lost.
    socket.once('close', over).once('error', over);
    stdout.once('error', () => {
      first ??= 'client';
      over();
    });
    socket.once('end', () => {
      first ??= 'endpoint';
      socket.end();
    });
  });
}

/** An ssh client only knows that its connection is over. */
async function sayWhyOver(paths: Paths, id: string, say: Say): Promise<void> {
  const { readEntry } = await import('../store/sandboxes.ts');
  const entry = await readEntry(paths, id);
  if (entry === undefined || entry.record.intent === 'removed')
    return say(entry?.record.name ?? id, 'was removed');
  const { record, owner } = entry;
  if (owner === undefined) say(record.name, 'does not run any more');
  else if (owner.state === 'stopping') say(record.name, 'is stopping');
}
