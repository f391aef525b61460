// Talks to the owner of a running sandbox: its guest, its methods, and the hold that keeps an attached one alive.
import type { Socket } from 'node:net';
import { fail, SandboxError } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import { errorCodeOf } from '../platform/files.ts';
import { isSame } from '../platform/process.ts';
import { connect } from '../platform/sockets.ts';
import type { Call } from '../protocol/contract.ts';
import { type OwnerContract, ownerContract } from '../protocol/owner.ts';
import { PROTOCOL } from '../protocol/version.ts';
import type { RpcClient } from '../rpc/connect.ts';
import type { OwnerRecord } from '../store/records.ts';
import type { Entry } from '../store/sandboxes.ts';
import { guestOver, openChannel } from '../wire/client.ts';
import type { StopAsked } from '../wire/serve.ts';

export type OwnerConnection = {
  readonly guest: Pick<Guest, 'exec' | 'dial' | 'sftp' | 'listeningPorts'>;
  /** Over one connection, opened with the first call. */
  readonly call: Call<OwnerContract, AbortSignal>;
  /** Keeps an attached sandbox alive until it is disposed or this process ends. */
  hold(): Promise<Hold>;
  /** Resolves when the owner has heard it; its guest and then its process end after that. */
  stop(asked: StopAsked, signal: AbortSignal): Promise<void>;
  /** Resolves when the connection of `call` has ended; the owner has then ended too. */
  readonly closed: () => Promise<void>;
  close(): void;
};

export type Hold = {
  dispose(): void;
  /** Resolves when the sandbox has let go, or after `dispose`. */
  readonly ended: Promise<void>;
};

/** An owner that is alive answers at once; one that does not within this time is stuck. */
const ANSWER_MS = 5_000;

/** Opens nothing yet; fails when the sandbox has no owner or one of another major version. */
export function connectOwner({ record, owner }: Entry): OwnerConnection {
  if (owner === undefined) {
    return fail('not-running', `sandbox ${record.name} is not running`, {
      hint: `heyvm start ${record.name}`,
    });
  }
  if (owner.protocol.major !== PROTOCOL.major) return fail(...mismatch(record.name, owner));
  const reach = (): Promise<Socket> => reachOwner(record.name, owner);
  let rpc: Promise<RpcClient<OwnerContract>> | undefined;
  const client = (): Promise<RpcClient<OwnerContract>> => {
    rpc ??= openRpc(record.name, reach);
    return rpc;
  };
  return {
    guest: plainSpoken(guestOver(reach)),
    call: async (method, params, options) => (await client()).call(method, params, options),
    hold: async () => {
      const { socket } = await openChannel(await reach(), { op: 'hold' });
      // Its end is the owner's affair; a reset must not become an exception here.
      socket.on('error', () => socket.destroy());
      // It stays half open until this side ends as well.
      socket.once('end', () => socket.destroy());
      const ended = new Promise<void>(resolve => socket.once('close', () => resolve()));
      socket.resume();
      return { dispose: () => socket.destroy(), ended };
    },
    stop: async (asked, signal) => {
      // This is answered by the owner itself, in whatever state its guest is.
      const socket = expectAnswer(await reach(), record.name);
      const giveUp = (): void => void socket.destroy();
      signal.addEventListener('abort', giveUp, { once: true });
      try {
        await openChannel(socket, { op: 'stop', ...asked });
      } finally {
        signal.removeEventListener('abort', giveUp);
        socket.destroy();
      }
    },
    closed: async () => (await client()).closed,
    close: () => {
      rpc?.then(
        open => open.close(),
        () => undefined,
      );
    },
  };
}

/** When an owner did not answer, that is the reason, and not that the connection was given up because of it. */
function plainSpoken(guest: OwnerConnection['guest']): OwnerConnection['guest'] {
  const plainly = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked;
    } catch (error) {
      throw error instanceof Error && error.cause instanceof SandboxError ? error.cause : error;
    }
  };
  return {
    exec: request => plainly(guest.exec(request)),
    dial: target => plainly(guest.dial(target)),
    sftp: () => plainly(guest.sftp()),
    listeningPorts: () => plainly(guest.listeningPorts()),
  };
}

/** The system accepts connections for an owner that is stuck, so only a first answer proves that it lives. */
function expectAnswer(socket: Socket, name: string): Socket {
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0) socket.destroy(unreachable(name));
  }, ANSWER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  return socket;
}

async function reachOwner(name: string, owner: OwnerRecord): Promise<Socket> {
  const until = performance.now() + ANSWER_MS;
  for (;;) {
    try {
      const socket = await connect(owner.control_socket);
      // While it starts, its guest makes everybody wait.
      return owner.state === 'starting' ? socket : expectAnswer(socket, name);
    } catch (error) {
      const code = errorCodeOf(error);
      const absent = code === 'ENOENT' || code === 'ECONNREFUSED';
      if (!absent) throw unreachable(name, error);
      if (!isSame(owner)) {
        return fail('not-running', `sandbox ${name} has just ended`, {
          hint: `heyvm start ${name}`,
          cause: error,
        });
      }
      // It writes its file a moment before it opens its doors.
      if (owner.state !== 'starting' || performance.now() > until) throw unreachable(name, error);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }
}

async function openRpc(name: string, reach: () => Promise<Socket>): Promise<RpcClient<OwnerContract>> {
  const [{ connectRpc }, socket] = await Promise.all([import('../rpc/connect.ts'), reach()]);
  // This is answered by the owner itself, in whatever state its guest is.
  expectAnswer(socket, name);
  try {
    const channel = await openChannel(socket, { op: 'rpc' });
    const rpc = connectRpc(channel.socket, ownerContract, () => gone(name));
    const hello = await rpc.call('owner/hello', { ...PROTOCOL, client: `heyvm ${process.pid}` });
    if (hello.major !== PROTOCOL.major) throw new SandboxError(...mismatch(name, { protocol: hello }));
    return rpc;
  } catch (error) {
    socket.destroy();
    if (error instanceof SandboxError) throw error.cause instanceof SandboxError ? error.cause : error;
    throw unreachable(name, error);
  }
}

function gone(name: string): SandboxError {
  return new SandboxError('not-running', `the owner of sandbox ${name} ended`, {
    hint: `heyvm start ${name}`,
  });
}

function unreachable(name: string, cause?: unknown): SandboxError {
  return new SandboxError('owner-unreachable', `the owner of sandbox ${name} does not answer`, {
    hint: `heyvm stop ${name} ends it, by force where it has to`,
    cause,
  });
}

function mismatch(
  name: string,
  { protocol }: { readonly protocol: { readonly major: number } },
): ['version-mismatch', string, { hint: string }] {
  const side = protocol.major > PROTOCOL.major ? 'newer' : 'older';
  return [
    'version-mismatch',
    `sandbox ${name} was started by ${side === 'newer' ? 'a newer' : 'an older'} heyvm (protocol ${protocol.major}, this one speaks ${PROTOCOL.major})`,
    { hint: `heyvm restart ${name} starts it with this version; list, stop and logs work as it is` },
  ];
}
