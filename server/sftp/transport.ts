// Requests and answers of SFTP over a byte stream, many under way at once.
import type { Duplex } from 'node:stream';
import { fail, SandboxError } from '../core/errors.ts';
import { Packet, PacketReader, PacketWriter } from './packet.ts';

export type Answer = { readonly type: number; readonly body: PacketReader };

type Waiting = { resolve: (answer: Answer) => void; reject: (error: unknown) => void };

/** A longer packet than this is a broken server. */
const LONGEST = 1024 * 1024;

const VERSION = 3;

export class SftpTransport {
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #input: Buffer = Buffer.alloc(0);
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

  #receive(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (this.#input.length >= 5) {
      const length = this.#input.readUInt32BE();
      if (length > LONGEST || length < 1) {
        this.#end('the file server of the sandbox sent nonsense');
        return;
      }
      if (this.#input.length < 4 + length) return;
      const type = this.#input.readUInt8(4);
      const body = new PacketReader(this.#input.subarray(5, 4 + length));
      this.#input = this.#input.subarray(4 + length);
      this.#answer(type, body);
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
