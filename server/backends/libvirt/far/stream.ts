// A stream of a guest that comes through libvirt: what its channel or its console says, over any connection to libvirt.
import { Duplex } from 'node:stream';
import { fail, SandboxError } from '../../../core/errors.ts';
import {
  encodeFrame,
  type Frame,
  frameReader,
  KEEPALIVE,
  refusalIn,
  statuses,
  types,
  xdr,
} from './frames.ts';
import { answerPing, watchOver } from './pulse.ts';

const procedures = { open: 1, lookup: 23, authList: 66, authPolkit: 70, console: 201, channel: 296 } as const;

export type Wish = {
  /** What the libvirt calls itself, such as `qemu:///system`. */
  readonly own: string;
  readonly domain: string;
  readonly what: 'channel' | 'console';
  /** How often it is asked whether libvirt is still there. */
  readonly pulseMs?: number;
};

const PULSE_MS = 5_000;

/** Whoever had the stream until now loses it. A failure ends the connection. */
export async function openStream(
  connection: Duplex,
  { own, domain, what, pulseMs = PULSE_MS }: Wish,
): Promise<Duplex> {
  const talk = talkOver(connection);
  try {
    await begin(talk, own);
    watchOver(connection, pulseMs);
    const found = await talk.call(procedures.lookup, xdr.text(domain));
    const asked = Buffer.concat([found, xdr.optional(undefined), xdr.number(FORCE)]);
    await talk.call(procedures[what], asked);
    return talk.rest(procedures[what]);
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** Whether libvirt there lets us in; ends the connection. */
export async function tryConnection(connection: Duplex, own: string): Promise<void> {
  try {
    await begin(talkOver(connection), own);
  } finally {
    connection.destroy();
  }
}

async function begin(talk: Talk, own: string): Promise<void> {
  await authenticate(talk);
  await talk.call(procedures.open, Buffer.concat([xdr.optional(own), xdr.number(0)]));
}

/** The same number for consoles and channels. */
const FORCE = 1;

const ways = { none: 0, polkit: 2 } as const;

async function authenticate(talk: Talk): Promise<void> {
  const answer = await talk.call(procedures.authList, Buffer.alloc(0));
  const offered = Array.from({ length: answer.readUInt32BE(0) }, (_, index) =>
    answer.readUInt32BE(4 + index * 4),
  );
  if (offered.length === 0 || offered.includes(ways.none)) return;
  if (offered.includes(ways.polkit)) {
    await talk.call(procedures.authPolkit, Buffer.alloc(0));
    return;
  }
  fail('unsupported', 'this libvirt asks for a password, which heyvm has none for', {
    hint: 'reach it over ssh: qemu+ssh://user@host/system',
  });
}

type Talk = {
  call(procedure: number, payload: Buffer): Promise<Buffer>;
  /** What follows the last call. */
  rest(procedure: number): Duplex;
};

/** One call after the other, and what belongs to the last one as a stream. */
function talkOver(connection: Duplex): Talk {
  let serial = 0;
  let take: (frame: Frame) => void = () => undefined;
  let broken: (error: Error) => void = () => undefined;
  const read = frameReader(frame => {
    if (frame.program === KEEPALIVE) answerPing(connection, frame);
    else take(frame);
  });
  const end = (error?: Error): void => broken(error ?? new Error('the connection to libvirt was closed'));
  // Before its last call is answered, the first bytes of a stream may be here.
  const early: Frame[] = [];
  connection
    .on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        connection.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    })
    .on('error', end)
    .on('end', () => end())
    .on('close', () => end());
  return {
    call: (procedure, payload) =>
      new Promise((resolve, reject) => {
        serial += 1;
        broken = reject;
        take = frame => {
          if (frame.serial !== serial) return;
          if (frame.type === types.stream) early.push(frame);
          if (frame.type !== types.reply) return;
          if (frame.status === statuses.ok) resolve(frame.payload);
          else reject(refusal(frame.payload));
        };
        connection.write(encodeFrame({ procedure, type: types.call, serial, status: 0, payload }));
      }),
    rest(procedure) {
      const { stream, receive } = streamOver(connection, { procedure, serial });
      broken = error => stream.destroy(error);
      take = frame => {
        if (frame.serial === serial && frame.type === types.stream) receive(frame);
      };
      early.forEach(receive);
      return stream;
    },
  };
}

function refusal(payload: Buffer): SandboxError {
  const { code, said } = refusalIn(payload);
  return code === NO_DOMAIN || code === NOT_VALID
    ? new SandboxError('not-running', `the machine does not run: ${said}`, {
        hint: 'start it again with heyvm start',
      })
    : new SandboxError('command-failed', `libvirt refused: ${said}`);
}

/** No such domain, and what a domain that is off answers. */
const NO_DOMAIN = 42;
const NOT_VALID = 55;

/** Older daemons take no more at once. */
const LARGEST_PIECE = 128 * 1024;

type Incoming = { readonly stream: Duplex; receive(frame: Frame): void };

function streamOver(
  connection: Duplex,
  { procedure, serial }: { procedure: number; serial: number },
): Incoming {
  const frame = (status: number, payload: Buffer): Buffer =>
    encodeFrame({ procedure, type: types.stream, serial, status, payload });
  const stream = new Duplex({
    read: () => void connection.resume(),
    write(chunk: Buffer, _encoding, done) {
      const pieces = Array.from({ length: Math.ceil(chunk.length / LARGEST_PIECE) }, (_, index) =>
        frame(statuses.continue, chunk.subarray(index * LARGEST_PIECE, (index + 1) * LARGEST_PIECE)),
      );
      connection.write(Buffer.concat(pieces), done);
    },
    // The daemon lets go of the guest's end before the connection is over.
    final: done => void connection.end(frame(statuses.ok, Buffer.alloc(0)), () => done()),
    destroy(error, done) {
      connection.destroy();
      done(error);
    },
  });
  const receive = ({ status, payload }: Frame): void => {
    if (status === statuses.error) stream.destroy(refusal(payload));
    // Nothing at all is the end of what comes.
    else if (status === statuses.ok || payload.length === 0) stream.push(null);
    else if (!stream.push(payload)) connection.pause();
  };
  return { stream, receive };
}
