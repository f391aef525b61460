// Many connections to a guest over one stream; the other end is the guest program's mode `mux`.
import type { Duplex } from 'node:stream';
import { fail } from '../core/errors.ts';
import { FrameError } from './decoder.ts';
import { MuxChannel } from './muxChannel.ts';
import { createMuxDecoder, type MuxSink } from './muxDecoder.ts';
import { encodeMuxHead, MAX_CHANNEL, MuxType } from './muxFrames.ts';
import { greet } from './muxGreeting.ts';
import { notePassed } from './spentBuffers.ts';

export type Mux = {
  /** A new connection to the guest program; half-close is passed on. */
  connect(): Promise<Duplex>;
  /** Resolves when the stream is over, with what broke it; never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Ends the stream and every connection over it. */
  close(): void;
};

/** Takes over a stream, whoever had it before; the guest drops everything that ran over it until now. */
export async function muxOver(stream: Duplex, { signal }: { signal?: AbortSignal } = {}): Promise<Mux> {
  // A broken stream is found out by its closing.
  stream.on('error', () => {});
  const early = await greet(stream, signal);
  return startMux(stream, early);
}

/** Up to this size one copy is cheaper than writing head and payload as two buffers. */
const COPY_LIMIT = 4096;

function startMux(stream: Duplex, early: Buffer): Mux {
  const channels = new Map<number, MuxChannel>();
  const ready = new Set<MuxChannel>();
  const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>();
  let open = true;
  let lastId = 0;
  const finish = (error?: Error): void => {
    if (!open) return;
    open = false;
    resolve(error);
    for (const channel of [...channels.values()])
      channel.destroy(new Error('the line to the sandbox was closed', { cause: error }));
    stream.destroy();
  };
  const send = (channel: number, type: MuxType, payload?: Buffer): void => {
    if (open) writeFrame(stream, encodeMuxHead({ channel, type, length: payload?.length ?? 0 }), payload);
  };
  const pump = (): void => {
    while (open && !stream.writableNeedDrain) {
      const [next] = ready;
      if (next === undefined) return;
      ready.delete(next);
      if (next.sendPiece()) ready.add(next);
    }
  };
  const line = {
    send,
    offer: (channel: MuxChannel) => {
      ready.add(channel);
      pump();
    },
    forget: (channel: MuxChannel) => {
      ready.delete(channel);
      channels.delete(channel.id);
    },
  };
  const nextId = (): number => {
    do lastId = lastId === MAX_CHANNEL ? 1 : lastId + 1;
    while (channels.has(lastId));
    return lastId;
  };
  const take = guarded(createMuxDecoder(sinkInto(channels)), finish);
  stream
    .on('drain', pump)
    .on('error', finish)
    .on('end', () => finish())
    .on('close', () => finish());
  take(early);
  stream.on('data', take).resume();
  if (stream.destroyed || stream.readableEnded) finish();
  return {
    async connect() {
      if (!open)
        fail('not-running', 'the line to the sandbox is closed', { hint: 'look at its state and log' });
      const channel = new MuxChannel(nextId(), line);
      channels.set(channel.id, channel);
      send(channel.id, MuxType.open);
      return channel;
    },
    closed,
    close: () => finish(),
  };
}

/** What comes for a channel that is not known was on its way when the channel was closed here. */
function sinkInto(channels: ReadonlyMap<number, MuxChannel>): MuxSink {
  return {
    data(id, piece) {
      if (channels.get(id)?.receive(piece) === false)
        throw new FrameError('more data than there is credit for');
    },
    frame({ channel: id, type }, payload) {
      const channel = channels.get(id);
      if (type === MuxType.reset) throw new FrameError(`the guest program gave up: ${payload.toString()}`);
      if (type === MuxType.end) channel?.receiveEnd();
      if (type === MuxType.close) channel?.receiveClose();
      if (type === MuxType.credit && channel?.addCredit(payload.readUInt32BE(0)) === false)
        throw new FrameError('more credit than there is');
    },
  };
}

/** What follows a broken frame means nothing, so that the whole stream is over. */
function guarded(take: (chunk: Buffer) => void, broken: (error: Error) => void): (chunk: Buffer) => void {
  return chunk => {
    try {
      take(chunk);
    } catch (error) {
      broken(error instanceof Error ? error : new FrameError(String(error)));
    }
  };
}

function writeFrame(stream: Duplex, head: Buffer, payload: Buffer | undefined): void {
  if (stream.destroyed) return;
  if (payload === undefined) {
    stream.write(head);
  } else if (payload.length <= COPY_LIMIT) {
    stream.write(Buffer.concat([head, payload]));
  } else {
    notePassed(payload.length);
    stream.cork();
    stream.write(head);
    stream.write(payload);
    stream.uncork();
  }
}
