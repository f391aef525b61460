// The binary form of SFTP version 3, for clients and servers: numbers, strings, and attributes of files.
import { fail } from '../core/errors.ts';

export const Packet = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const Status = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

export const OpenFlag = {
  read: 0x01,
  write: 0x02,
  append: 0x04,
  create: 0x08,
  truncate: 0x10,
  exclusive: 0x20,
} as const;

export type FileKind = 'file' | 'folder' | 'link' | 'other';

export type Attributes = {
  readonly kind: FileKind;
  readonly size: number;
  /** Permission bits alone. */
  readonly mode: number;
  readonly modifiedAt: Date;
};

const AttributeFlag = {
  size: 0x01,
  owner: 0x02,
  permissions: 0x04,
  times: 0x08,
  extended: 0x80000000,
} as const;

/** What a client wants to be set; what is left out stays as it is. */
export type WantedAttributes = {
  readonly size?: number;
  /** Permission bits alone. */
  readonly mode?: number;
  /** In seconds since 1970. */
  readonly times?: { readonly accessed: number; readonly modified: number };
};

/** Appends values to a growing body. */
export class PacketWriter {
  readonly #parts: Uint8Array[] = [];

  uint32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    this.#parts.push(bytes);
    return this;
  }

  uint64(value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    this.#parts.push(bytes);
    return this;
  }

  string(value: string | Uint8Array): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.uint32(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  /** No attributes, or only permissions. */
  mode(mode: number | undefined): this {
    if (mode === undefined) return this.uint32(0);
    return this.uint32(AttributeFlag.permissions).uint32(mode);
  }

  attributes({ kind, size, mode, modifiedAt }: Attributes): this {
    const seconds = Math.min(Math.max(0, Math.floor(modifiedAt.getTime() / 1000)), 0xffffffff);
    return this.uint32(AttributeFlag.size | AttributeFlag.permissions | AttributeFlag.times)
      .uint64(size)
      .uint32(kindBits[kind] | mode)
      .uint32(seconds)
      .uint32(seconds);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Takes values off a body; reading past its end is a broken server. */
export class PacketReader {
  readonly #body: Buffer;
  #offset = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  /** A size or a place that no file has is the largest that can be counted with. */
  uint64(): number {
    return Math.min(Number(this.#take(8).readBigUInt64BE()), Number.MAX_SAFE_INTEGER);
  }

  string(): string {
    return this.buffer().toString('utf8');
  }

  buffer(): Buffer {
    return this.#take(this.uint32());
  }

  attributes(): Attributes {
    const flags = this.uint32();
    const size = flags & AttributeFlag.size ? this.uint64() : 0;
    if (flags & AttributeFlag.owner) this.#take(8);
    const permissions = flags & AttributeFlag.permissions ? this.uint32() : 0;
    if (flags & AttributeFlag.times) this.uint32();
    const seconds = flags & AttributeFlag.times ? this.uint32() : 0;
    if ((flags & AttributeFlag.extended) !== 0) {
      for (let left = this.uint32(); left > 0; left -= 1) {
        this.buffer();
        this.buffer();
      }
    }
    return {
      kind: kindOf(permissions),
      size,
      mode: permissions & 0o7777,
      modifiedAt: new Date(seconds * 1000),
    };
  }

  wanted(): WantedAttributes {
    const flags = this.uint32();
    const size = flags & AttributeFlag.size ? { size: this.uint64() } : {};
    if (flags & AttributeFlag.owner) this.#take(8);
    const mode = flags & AttributeFlag.permissions ? { mode: this.uint32() & 0o7777 } : {};
    const times =
      flags & AttributeFlag.times ? { times: { accessed: this.uint32(), modified: this.uint32() } } : {};
    return { ...size, ...mode, ...times };
  }

  get rest(): number {
    return this.#body.length - this.#offset;
  }

  #take(count: number): Buffer {
    if (count > this.rest) fail('internal', 'a packet of the file protocol is too short');
    const taken = this.#body.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    return taken;
  }
}

const kindBits: Readonly<Record<FileKind, number>> = {
  file: 0o100000,
  folder: 0o040000,
  link: 0o120000,
  other: 0,
};

function kindOf(permissions: number): FileKind {
  switch (permissions & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'folder';
    case 0o120000:
      return 'link';
    default:
      return 'other';
  }
}
