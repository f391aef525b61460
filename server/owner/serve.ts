// The two doors of an owner: control for heyvm itself, and SSH for everybody else's tools.
import type { Server, Socket } from 'node:net';
import { fail } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import { shellOf } from '../core/shell.ts';
import { listen } from '../platform/sockets.ts';
import { ownerContract } from '../protocol/owner.ts';
import { PROTOCOL } from '../protocol/version.ts';
import type { SandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { serveChannel } from '../wire/serve.ts';
import type { ProjectCommand } from './command.ts';
import type { Ending } from './ending.ts';
import type { Holds } from './holds.ts';
import type { Life } from './life.ts';
import { createListener, type Listener, openKept } from './listener.ts';
import type { Log } from './log.ts';
import type { Operations } from './operations.ts';
import type { StateFile } from './state.ts';

export type Doors = { close(): Promise<void> };

export type Served = {
  readonly record: SandboxRecord;
  readonly files: SandboxPaths;
  readonly guest: PatientGuest;
  readonly state: StateFile;
  readonly holds: Holds;
  readonly ending: Ending;
  readonly operations: Operations;
  readonly command: ProjectCommand;
  readonly log: Log;
};

export type PatientGuest = Pick<Guest, 'exec' | 'dial' | 'sftp' | 'listeningPorts'>;

export async function serveOwner(served: Served): Promise<Doors> {
  const { files, guest, log } = served;
  const open = new Set<Socket>();
  const track = (serve: (socket: Socket) => void) => (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', error => log(`connection: ${error.message}`));
    serve(socket);
  };
  const door = sshDoor(served);
  const listener = createListener(files, door, log);
  const control = await listen(
    files.controlSocket,
    track(socket => {
      void serveChannel(socket, {
        guest,
        rpc: stream => void serveControl(served, listener, stream),
        hold: stream => served.holds.add(stream),
        stop: ({ grace_ms, reason }) => served.ending.ask({ kind: 'stopped', reason }, grace_ms),
        log,
      });
    }),
  );
  const ssh = await listen(
    files.sshSocket,
    track(socket => door(socket)),
  );
  whenEnding(served.ending, () => {
    ssh.close();
    listener.refuse();
  });
  if (served.record.ssh_listen !== undefined) {
    await openKept(listener, served.record.ssh_listen.port, log);
    if (listener.port !== undefined) await served.state.change({ ssh_port: listener.port });
  }
  return {
    close: async () => {
      listener.close();
      // Answers that are on their way arrive; the rest is cut off.
      await Promise.all([closed(control, open), closed(ssh, open)]);
    },
  };
}

/** Whoever comes then would find a guest that goes away; without a socket a client sees that it has to wait. */
function whenEnding({ signal }: Ending, refuse: () => void): void {
  if (signal.aborted) refuse();
  else signal.addEventListener('abort', refuse);
}

async function serveControl(served: Served, listener: Listener, socket: Socket): Promise<void> {
  const { serveRpc } = await import('../rpc/serve.ts');
  const { record, state, holds, operations, command } = served;
  await serveRpc(socket, ownerContract, {
    'owner/hello': async () => {
      const { state: now, attached } = state.current();
      return { ...PROTOCOL, id: record.id, pid: process.pid, state: now, attached };
    },
    'owner/watch': async ({ state: known }, { signal }) => ({ state: await state.whenNot(known, signal) }),
    'owner/keep': async () => {
      holds.release();
      await state.change({ attached: false });
      return {};
    },
    'owner/pause': async () => {
      await operations.pause();
      return {};
    },
    'owner/resume': async () => {
      await operations.resume();
      return {};
    },
    'owner/suspend': async () => {
      await operations.suspend();
      return {};
    },
    'owner/snapshot': async ({ name, memory }, { signal }) => {
      const taken = await operations.snapshot({ name, memory }, signal);
      const { ref, why } = taken;
      return { ref: { ...ref }, memory: taken.memory, ...(why === undefined ? {} : { why }) };
    },
    'owner/settle': async () => {
      await operations.settle();
      return {};
    },
    'owner/listen': async ({ on, port }) => {
      if (!on) listener.close();
      const open = on ? await listener.open(port) : undefined;
      await state.change({ ssh_port: open ?? null });
      return open === undefined ? {} : { port: open };
    },
    'owner/command': async ({ start }) => (start ? await command.start() : command.current()),
  });
}

/** The SSH library is loaded with the first connection: most sandboxes are never reached that way. */
function sshDoor({ record, files, guest, log }: Served): (socket: Socket, clientKey?: string) => void {
  const load = async () => {
    const [{ createEndpoint }, { ensureSshKey }] = await Promise.all([
      import('../ssh/endpoint.ts'),
      import('../platform/sshKey.ts'),
    ]);
    const { pem } = await ensureSshKey(files.hostKey);
    return createEndpoint({
      guest,
      shell: shellOf(record.runtime),
      hostKeyPem: pem,
      policy: record.policy,
      log,
    });
  };
  let endpoint: ReturnType<typeof load> | undefined;
  return (socket, clientKey) => {
    endpoint ??= load();
    // Also when a key that looks whole is none: a client that cannot be served must not end the guest.
    endpoint
      .then(ready => ready.accept(socket, clientKey))
      .catch((error: unknown) => {
        log(`ssh endpoint: ${error instanceof Error ? error.message : String(error)}`);
        socket.destroy();
        endpoint = undefined;
      });
  };
}

/** A guest whose every operation first waits until it is there, and is refused while it stands still. */
export function patient(
  { name }: Pick<SandboxRecord, 'name'>,
  { life, state }: { readonly life: Life; readonly state: StateFile },
): PatientGuest {
  const guest = async (): Promise<Guest> => {
    if (state.current().state === 'paused') {
      fail('not-running', `sandbox ${name} is paused`, { hint: `heyvm resume ${name}` });
    }
    return (await inTime(life.live(), () => lost(name, state))).guest;
  };
  return {
    exec: async request => (await guest()).exec(request),
    dial: async target => (await guest()).dial(target),
    sftp: async () => (await guest()).sftp(),
    listeningPorts: async () => (await guest()).listeningPorts(),
  };
}

/** An engine that restarts is back by then. */
const BACK_MS = 20_000;

/** Again and again asks for a reason to give up, and throws that. */
async function inTime<T>(work: Promise<T>, giveUp: () => void): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setInterval(() => {
    try {
      giveUp();
    } catch (error) {
      late.reject(error);
    }
  }, BACK_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearInterval(timer);
  }
}

function lost(name: string, state: StateFile): void {
  const { problem } = state.current();
  if (problem === undefined) return;
  fail('owner-unreachable', `the guest of ${name} cannot be reached: ${problem}`, {
    hint: 'it is found again by itself when whoever keeps it is back',
  });
}

async function closed(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const done = new Promise<void>(resolve => server.close(() => resolve()));
  for (const socket of open) socket.end(() => socket.destroy());
  const all = [...open].map(socket => new Promise<void>(resolve => socket.once('close', () => resolve())));
  const patience = new Promise<void>(resolve => setTimeout(resolve, LAST_WORDS_MS).unref());
  await Promise.race([Promise.all([done, ...all]), patience]);
}

/** How long a client may take to read what was sent to it before the end. */
const LAST_WORDS_MS = 200;
