// Messages of libvirt's own protocol, as its clients of every age speak it: https://libvirt.org/kbase/internals/rpc.html
//
// virsh has no command for the channel of a guest, and this protocol gives it over every kind of connection.
export type Frame = {
  /** Of two programs of libvirt; that of its calls when it is left out. */
  readonly program?: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
  readonly payload: Buffer;
};

export const types = { call: 0, reply: 1, message: 2, stream: 3 } as const;
export const statuses = { ok: 0, error: 1, continue: 2 } as const;

const PROGRAM = 0x20008086;
/** By which each side asks whether the other one is still there: https://libvirt.org/kbase/internals/rpc.html */
export const KEEPALIVE = 0x6b656570;
export const alive = { ping: 1, pong: 2 } as const;
const VERSION = 1;
const HEAD = 28;
/** libvirt's own bound. */
const LONGEST = 32 * 1024 * 1024;

export function encodeFrame({ program = PROGRAM, procedure, type, serial, status, payload }: Frame): Buffer {
  const words = [HEAD + payload.length, program, VERSION, procedure, type, serial, status];
  const head = Buffer.alloc(HEAD);
  for (const [index, word] of words.entries()) head.writeUInt32BE(word, index * 4);
  return Buffer.concat([head, payload]);
}

/** Answers with what takes pieces of a stream, and throws at what is no message. Those of other programs are passed over. */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  let wanted = HEAD;
  return chunk => {
    parts.push(chunk);
    held += chunk.length;
    while (held >= wanted) {
      const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
      parts = [bytes];
      const length = bytes.readUInt32BE(0);
      if (length < HEAD || length > LONGEST) throw new Error('what libvirt sent is no message');
      wanted = length;
      if (held < length) return;
      const frame = decode(bytes.subarray(0, length));
      parts = [bytes.subarray(length)];
      held -= length;
      wanted = HEAD;
      if (frame !== undefined) onFrame(frame);
    }
  };
}

function decode(bytes: Buffer): Frame | undefined {
  const word = (index: number): number => bytes.readUInt32BE(index * 4);
  const program = word(1);
  if (program !== PROGRAM && program !== KEEPALIVE) return undefined;
  const [procedure, type, serial, status] = [word(3), word(4), word(5), word(6)];
  const payload = bytes.subarray(HEAD);
  return { ...(program === KEEPALIVE ? { program } : {}), procedure, type, serial, status, payload };
}

/** The parts of a payload: numbers, texts, texts that may be absent, and bytes of a known length. */
export const xdr = {
  number(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  },
  text(value: string): Buffer {
    const bytes = Buffer.from(value);
    return Buffer.concat([xdr.number(bytes.length), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  },
  optional(value: string | undefined): Buffer {
    return value === undefined ? xdr.number(0) : Buffer.concat([xdr.number(1), xdr.text(value)]);
  },
};

/** The words that come with a refusal: after its code and its origin, where there are any. */
export function refusalIn(payload: Buffer): { readonly code: number; readonly said: string } {
  const code = payload.length >= 4 ? payload.readUInt32BE(0) : 0;
  if (payload.length < 16 || payload.readUInt32BE(8) === 0) return { code, said: `error ${code}` };
  const length = payload.readUInt32BE(12);
  return { code, said: payload.subarray(16, 16 + length).toString() };
}
