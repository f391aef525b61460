// The ProxyCommand: joins stdin and stdout to a sandbox's ssh socket, and waits while the sandbox is starting.
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fail } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import { connect } from '../platform/sockets.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import type { Entry } from '../store/sandboxes.ts';

export type ProxyStreams = {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
  /** Waits until a guest that outlived its owner has another one. */
  readonly settle?: (id: string) => Promise<void>;
};

const LOOK_AGAIN_MS = 100;
/** An owner that says it runs and does not answer for this long has a defect. */
const PATIENCE_MS = 5_000;

/** Ends when both directions have ended. Never starts a sandbox: that is for those who ask for it by name. */
export async function runProxy(paths: Paths, target: string, streams: ProxyStreams): Promise<void> {
  const direct = /^sb-[0-9a-f]{8}$/.test(target)
    ? await tryConnect(sandboxPaths(paths, target).sshSocket)
    : undefined;
  const socket = direct ?? (await waitForEndpoint(paths, target, streams));
  await join(socket, streams);
}

async function waitForEndpoint(
  paths: Paths,
  target: string,
  { stderr, signal, settle }: ProxyStreams,
): Promise<Socket> {
  const { findEntry } = await import('../store/sandboxes.ts');
  let told = false;
  let settled = settle === undefined;
  let silentSince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const entry = await findEntry(paths, target);
    const socket = await tryConnect(
      entry.owner?.ssh_socket ?? sandboxPaths(paths, entry.record.id).sshSocket,
    );
    if (socket !== undefined) return socket;
    if (entry.stale && !settled) {
      settled = true;
      await settle?.(entry.record.id);
      continue;
    }
    const condition = await conditionOf(paths, entry);
    if (condition === 'down') refuse(entry);
    if (condition === 'up') {
      silentSince ??= performance.now();
      if (performance.now() - silentSince > PATIENCE_MS) unreachable(entry);
    }
    if (!told) stderr.write(`heyvm: ${entry.record.name} is starting, waiting for it\n`);
    told = true;
    await wait(LOOK_AGAIN_MS, undefined, { signal });
  }
}

type Condition = 'up' | 'starting' | 'down';

async function conditionOf(paths: Paths, { record, owner }: Entry): Promise<Condition> {
  if (owner !== undefined)
    return owner.state === 'starting' ? 'starting' : owner.state === 'running' ? 'up' : 'down';
  if (record.intent !== 'running') return 'down';
  const { lockHolder } = await import('../store/lock.ts');
  return lockHolder(paths, `sandbox-${record.id}`) === undefined ? 'down' : 'starting';
}

function refuse({ record, owner }: Entry): never {
  const state =
    owner?.state ?? (record.last_end?.kind === 'failed' ? `failed: ${record.last_end.reason}` : 'stopped');
  const verb = owner?.state === 'paused' || record.suspended === true ? 'resume' : 'start';
  return fail('not-running', `${record.name} is not running (${state})`, {
    hint: `${verb} it with: heyvm ${verb} ${record.name}`,
  });
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
    // No socket, or one that a dead owner left: the record says which.
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(errorCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Either side may be the first to fall silent; a break of one ends both. */
function join(socket: Socket, { stdin, stdout, signal }: ProxyStreams): Promise<void> {
  const abort = () => socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  stdin.pipe(socket);
  socket.pipe(stdout, { end: false });
  return new Promise<void>(resolve => {
    const over = () => {
      signal.removeEventListener('abort', abort);
      stdin.destroy();
      socket.destroy();
      resolve();
    };
    // A reset by a dying owner and a closed stdout are ends like any other: the ssh client says what it lost.
    socket.once('close', over).once('error', over);
    stdout.once('error', over);
    socket.once('end', () => socket.end());
  });
}
