// The frames of the multiplexer, which carries many connections to a guest over the one stream that reaches it.
//
// Only we open channels; each becomes one connection to the guest program. A frame is the channel as a big-endian
// 32-bit number below 2^24, the payload's length as a 24-bit one, a type byte, and the payload.
//
// A session begins with the magic and a random name of 16 bytes, which the guest sends back. Both throw away what
// comes before, so that a fresh owner can go on where another one died in the middle of a frame. The guest obeys the
// magic wherever it comes. It therefore must not stand in anything else: no frame's head can be a part of it, because
// a head begins and ends with bytes that it has not, and data that contain it are cut in two.

export const MuxType = {
  /** We → guest, empty: a new connection. It is not answered; a guest that has none to give closes it. */
  open: 0x01,
  /** Bytes of the connection, no more than the receiver gave credit for. */
  data: 0x02,
  /** A 32-bit number: this many bytes more may be sent. Both sides begin with `WINDOW`. */
  credit: 0x03,
  /** Empty: the sender has said all on this channel. A channel is over when both have said so. */
  end: 0x04,
  /** Empty: the channel is over at once. What still comes for it is thrown away, and it is not answered. */
  close: 0x05,
  /** Guest → us, a sentence: what we sent is no sequence of frames, and the session is over. */
  reset: 0x06,
} as const;
export type MuxType = (typeof MuxType)[keyof typeof MuxType];

export const MUX_MAGIC: Buffer = Buffer.from('\xf5heyvm-mux-1\xfa\xfb\xfc\xfd', 'latin1');
export const SESSION_NAME = 16;

export const MUX_HEAD = 8;
export const MAX_PIECE = 64 * 1024;
export const MAX_CHANNEL = 0xff_ff_ff;

/** More than twice the longest frame of a connection, because a reader may ask for a whole one at once. */
export const WINDOW = 512 * 1024;

export type MuxHead = { readonly channel: number; readonly type: MuxType; readonly length: number };

export function encodeMuxHead({ channel, type, length }: MuxHead): Buffer {
  const head = Buffer.allocUnsafe(MUX_HEAD);
  head.writeUInt32BE(channel, 0);
  head.writeUIntBE(length, 4, 3);
  head[7] = type;
  return head;
}

/** Undefined for what no guest sends. */
export function decodeMuxHead(head: Buffer): MuxHead | undefined {
  const type = head.readUInt8(7);
  const length = head.readUIntBE(4, 3);
  const channel = head.readUInt32BE(0);
  if (channel > MAX_CHANNEL || !isFromGuest(type)) return undefined;
  const fits = type === MuxType.credit ? length === 4 : length <= longest[type];
  return fits ? { channel, type, length } : undefined;
}

const longest = {
  [MuxType.data]: MAX_PIECE,
  [MuxType.credit]: 4,
  [MuxType.end]: 0,
  [MuxType.close]: 0,
  [MuxType.reset]: 1024,
} as const;

function isFromGuest(type: number): type is keyof typeof longest {
  return type in longest;
}
