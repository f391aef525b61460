// The client's side of the channel protocol: a guest on the other end of connections.
import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import { fail, fromErrorInfo, SandboxError } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import type { ChannelHeader } from '../protocol/owner.ts';
import { parse, parseJson } from '../protocol/parse.ts';
import { readFrame } from './decoder.ts';
import { encodeMessage } from './encoder.ts';
import { FrameType } from './frames.ts';
import { attachProcess } from './process.ts';

const Reply = z.union([
  z.looseObject({ ok: z.literal(true) }),
  z.looseObject({ ok: z.literal(false), error: z.unknown() }),
]);

const Ports = z.object({ ports: z.array(z.object({ port: z.int(), address: z.string() })) });

export type Channel = {
  /** What the server said besides `ok`. */
  readonly reply: Readonly<Record<string, unknown>>;
  readonly socket: Duplex;
};

export type RemoteGuest = Pick<Guest, 'exec' | 'dial' | 'sftp' | 'listeningPorts'> & {
  ping(): Promise<void>;
};

/** Opens one connection for each operation; `connect` must give streams that allow half-close. */
export function guestOver(connect: () => Promise<Duplex>): RemoteGuest {
  const open = async (header: ChannelHeader): Promise<Channel> => openChannel(await connect(), header);
  const raw = async (header: ChannelHeader): Promise<Duplex> => (await open(header)).socket;
  const brief = async (header: ChannelHeader): Promise<Channel['reply']> => {
    const { reply, socket } = await open(header);
    socket.destroy();
    return reply;
  };
  const tell = async (header: ChannelHeader): Promise<void> => {
    try {
      await brief(header);
    } catch (error) {
      // The program, or the whole guest, has ended meanwhile: there is nobody left to tell.
      if (!(error instanceof SandboxError) || error.code !== 'not-running') throw error;
    }
  };
  return {
    async exec(request) {
      const key = newKey();
      const { socket } = await open({ op: 'exec', key, request });
      return attachProcess(socket, {
        signal: signal => tell({ op: 'signal', key, signal }),
        resize: request.pty === undefined ? async () => {} : size => tell({ op: 'resize', key, size }),
      });
    },
    dial: target => raw({ op: 'dial', target }),
    sftp: () => raw({ op: 'sftp' }),
    async listeningPorts() {
      const parsed = parse(Ports, await brief({ op: 'ports' }));
      return parsed.ok
        ? parsed.value.ports
        : fail('internal', `the list of ports is not understood: ${parsed.problem}`);
    },
    async ping() {
      await brief({ op: 'ping' });
    },
  };
}

/** Says what the connection is for and waits for the answer; a refusal closes the connection and throws. */
export async function openChannel(socket: Duplex, header: { readonly op: string }): Promise<Channel> {
  // The connection may break at any time; whoever reads from it next finds out, and nothing is thrown meanwhile.
  socket.on('error', () => {});
  try {
    socket.write(encodeHeader(header));
    const reply = await readReply(socket);
    return { reply, socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function encodeHeader(header: { readonly op: string }): Buffer {
  try {
    return encodeMessage(FrameType.header, header);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail('usage', 'arguments and environment are too long together', {
      hint: 'pass long input on standard input or in a file',
      cause: error,
    });
  }
}

async function readReply(socket: Duplex): Promise<Channel['reply']> {
  const frame = await readFrame(socket).catch((cause: unknown) => ended(cause));
  if (frame === undefined) return ended();
  if (frame.type !== FrameType.reply) return fail('internal', 'the answer on a channel is no reply');
  const parsed = parseJson(Reply, frame.payload.toString());
  if (!parsed.ok) return fail('internal', `the reply on a channel is not understood: ${parsed.problem}`);
  if (parsed.value.ok) return parsed.value;
  throw fromErrorInfo(parsed.value.error, 'the sandbox refused without a reason');
}

function ended(cause?: unknown): never {
  return fail('not-running', 'the sandbox closed the connection before it answered', {
    hint: 'look at its state and log: it is ending or has ended',
    ...(cause === undefined ? {} : { cause }),
  });
}

let counter = 0;

/** Unique among all clients of a guest; it is no secret. */
function newKey(): string {
  counter += 1;
  const random = Math.floor(Math.random() * 2 ** 48).toString(36);
  return `${process.pid}-${counter}-${Date.now().toString(36)}-${random}`;
}
