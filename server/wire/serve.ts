// The server's side of the channel protocol: one connection mapped onto a guest.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { fail, type SandboxError, toErrorInfo, toSandboxError } from '../core/errors.ts';
import type { Guest, GuestProcess } from '../core/guest.ts';
import type { ErrorInfo } from '../protocol/errors.ts';
import { ChannelHeader } from '../protocol/owner.ts';
import { parseJson } from '../protocol/parse.ts';
import { readFrame } from './decoder.ts';
import { encodeMessage } from './encoder.ts';
import { FrameType } from './frames.ts';
import { relayProcess } from './relayProcess.ts';
import { notePassed } from './spentBuffers.ts';

export type StopAsked = Pick<Extract<ChannelHeader, { op: 'stop' }>, 'grace_ms' | 'reason'>;

export type ChannelService = {
  readonly guest: Pick<Guest, 'exec' | 'dial' | 'sftp' | 'listeningPorts'>;
  /** Takes over a connection for JSON-RPC; refused when it is left out. */
  rpc?(socket: Socket): void;
  /** Takes over a connection that only stays open; refused when it is left out. */
  hold?(socket: Socket): void;
  /** Begins the end of the guest; refused when it is left out. */
  stop?(asked: StopAsked): void;
  log(line: string): void;
};

/** How long a client may take to say what it wants. */
const HEADER_PATIENCE_MS = 30_000;

/** In characters, of which each may take six bytes. */
const LONGEST_ERROR = 16 * 1024;

/** Serves one connection to its end; never rejects. The socket must allow half-close. */
export async function serveChannel(socket: Socket, service: ChannelService): Promise<void> {
  // A broken connection is found out by its closing.
  socket.on('error', () => {});
  try {
    const header = await readHeader(socket);
    if (header !== undefined) await serveOperation(socket, header, service);
  } catch (thrown) {
    const error = toSandboxError(thrown);
    if (error.code === 'internal') service.log(`a connection failed: ${error.message}`);
    socket.end(encodeMessage(FrameType.reply, { ok: false, error: boundedInfo(error) }));
    socket.resume();
  }
}

/** A message may quote what the client sent, which must not make the answer longer than a frame can be. */
function boundedInfo(error: SandboxError): ErrorInfo {
  const info = toErrorInfo(error);
  if (JSON.stringify(info).length <= LONGEST_ERROR) return info;
  return { code: info.code, message: `${info.message.slice(0, LONGEST_ERROR)}…` };
}

async function readHeader(socket: Socket): Promise<ChannelHeader | undefined> {
  socket.setTimeout(HEADER_PATIENCE_MS, () => socket.destroy());
  const frame = await readFrame(socket);
  socket.setTimeout(0);
  if (frame === undefined) {
    socket.destroy();
    return undefined;
  }
  if (frame.type !== FrameType.header)
    return fail('usage', 'the first frame of a connection is not its header');
  const parsed = parseJson(ChannelHeader, frame.payload.toString());
  return parsed.ok ? parsed.value : fail('usage', `the header is not understood: ${parsed.problem}`);
}

async function serveOperation(socket: Socket, header: ChannelHeader, service: ChannelService): Promise<void> {
  const { guest } = service;
  const running = runningOf(guest);
  switch (header.op) {
    case 'ping':
      return finish(socket, {});
    case 'ports':
      return finish(socket, { ports: await guest.listeningPorts() });
    case 'signal':
      await find(running, header.key).signal(header.signal);
      return finish(socket, {});
    case 'resize':
      await find(running, header.key).resize(header.size);
      return finish(socket, {});
    case 'dial':
      return join(socket, await guest.dial(header.target));
    case 'sftp':
      return join(socket, await guest.sftp());
    case 'exec':
      return serveExec(socket, header, { guest, running });
    case 'rpc':
      return handOver(socket, service.rpc?.bind(service));
    case 'hold':
      return handOver(socket, service.hold?.bind(service));
    case 'stop':
      if (service.stop === undefined) refuseKind();
      service.stop(header);
      return finish(socket, {});
  }
}

type Running = Map<string, GuestProcess>;

/** The programs that were started through connections to this guest. */
const runningByGuest = new WeakMap<object, Running>();

function runningOf(guest: object): Running {
  const known = runningByGuest.get(guest);
  if (known !== undefined) return known;
  const fresh: Running = new Map();
  runningByGuest.set(guest, fresh);
  return fresh;
}

function find(running: Running, key: string): GuestProcess {
  return running.get(key) ?? fail('not-running', `no program with the key ${key} is running`);
}

async function serveExec(
  socket: Socket,
  { key, request }: Extract<ChannelHeader, { op: 'exec' }>,
  { guest, running }: { guest: ChannelService['guest']; running: Running },
): Promise<void> {
  if (running.has(key)) fail('busy', `a program with the key ${key} is running`);
  const process = await guest.exec(request);
  running.set(key, process);
  try {
    accept(socket, {});
    await relayProcess(socket, process);
  } finally {
    running.delete(key);
  }
}

/** Copies raw bytes both ways, passes half-close on, and ends both when one of them breaks. */
function join(client: Socket, inside: Duplex): void {
  accept(client, {});
  inside.on('error', () => client.destroy());
  const connectTo = (one: Duplex, other: Duplex): void => {
    one.on('close', () => {
      if (!one.readableEnded || !one.writableFinished) other.destroy();
    });
    one.on('data', (chunk: Buffer) => notePassed(chunk.length));
    one.pipe(other);
  };
  connectTo(client, inside);
  connectTo(inside, client);
  if (client.destroyed) inside.destroy();
}

function handOver(socket: Socket, take: ((socket: Socket) => void) | undefined): void {
  if (take === undefined) refuseKind();
  accept(socket, {});
  take(socket);
}

function refuseKind(): never {
  return fail('usage', 'this kind of connection is not served here');
}

function finish(socket: Socket, reply: Readonly<Record<string, unknown>>): void {
  socket.end(encodeMessage(FrameType.reply, { ok: true, ...reply }));
  socket.resume();
}

function accept(socket: Socket, reply: Readonly<Record<string, unknown>>): void {
  socket.write(encodeMessage(FrameType.reply, { ok: true, ...reply }));
}
