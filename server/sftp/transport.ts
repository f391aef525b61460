// Requests and answers of SFTP over a byte stream, many under way at once.
import type { Duplex } from 'node:stream';
import { fail, SandboxError } from '../core/errors.ts';
import { Packet, PacketReader, PacketWriter } from './packet.ts';

export type Answer = { readonly type: number; readonly body: PacketReader };

type Waiting = { resolve: (answer: Answer) => void; reject: (error: unknown) => void };

/** A longer packet than this is a broken server. */
const LONGEST = 1024 * 1024;

/** What tells how long a packet is. */
const HEAD = 4;

const VERSION = 3;

export class SftpTransport {
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  /** What has come of the next packet, whose length is `#needed` as far as it is known. */
  #pieces: Buffer[] = [];
  #held = 0;
  #needed = HEAD;
  #ended: SandboxError | undefined;
  #greeting: Waiting | undefined;
  /** What the server can do beyond version 3. */
  readonly extensions = new Set<string>();

  private constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', cause => this.#end('the connection to the files of the sandbox broke', cause));
    stream.on('close', () => this.#end('the connection to the files of the sandbox was closed'));
  }

  static async open(stream: Duplex): Promise<SftpTransport> {
    const transport = new SftpTransport(stream);
    const greeted = new Promise<Answer>((resolve, reject) => {
      transport.#greeting = { resolve, reject };
    });
    transport.#send(Packet.init, new PacketWriter().uint32(VERSION).bytes());
    // One that was closed before says so no more.
    if (stream.destroyed) transport.#end('the connection to the files of the sandbox was closed');
    const { type, body } = await greeted;
    if (type !== Packet.version || body.uint32() !== VERSION)
      fail('version-mismatch', 'the sandbox speaks another SFTP');
    while (body.rest > 0) {
      transport.extensions.add(body.string());
      body.string();
    }
    return transport;
  }

  request(type: number, fill: (body: PacketWriter) => void): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#next;
    this.#next = (this.#next + 1) >>> 0;
    const writer = new PacketWriter().uint32(id);
    fill(writer);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send(type, writer.bytes());
    });
  }

  close(): void {
    this.#stream.destroy();
  }

  #send(type: number, body: Buffer): void {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length + 1);
    head.writeUInt8(type, 4);
    this.#stream.write(Buffer.concat([head, body]));
  }

  /** Whatever a server sends ends the connection at most. */
  #receive(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return;
    try {
      const rest = this.#answerAll(this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces));
      this.#pieces = [rest];
      this.#held = rest.length;
    } catch (cause) {
      this.#end('the file server of the sandbox sent nonsense', cause);
    }
  }

  /** What is left is the beginning of the next packet. */
  #answerAll(input: Buffer): Buffer {
    let rest = input;
    for (;;) {
      this.#needed = HEAD + (rest.length < HEAD ? 0 : lengthOf(rest));
      if (rest.length < HEAD || rest.length < this.#needed) return rest;
      this.#answer(rest.readUInt8(HEAD), new PacketReader(rest.subarray(HEAD + 1, this.#needed)));
      rest = rest.subarray(this.#needed);
    }
  }

  #answer(type: number, body: PacketReader): void {
    if (type === Packet.version) {
      this.#greeting?.resolve({ type, body });
      this.#greeting = undefined;
      return;
    }
    const id = body.uint32();
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.resolve({ type, body });
  }

  #end(message: string, cause?: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = new SandboxError('owner-unreachable', message, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
    this.#greeting?.reject(this.#ended);
    this.#stream.destroy();
  }
}

function lengthOf(packet: Buffer): number {
  const length = packet.readUInt32BE();
  return length >= 1 && length <= LONGEST ? length : fail('guest-failed', `a packet of ${length} bytes`);
}
