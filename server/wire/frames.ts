// The frames of the channel protocol, spoken by owners to their clients and by the guest program to its owner.
//
// A connection opens with one `header` frame from the client and one `reply` frame from the server. What follows
// depends on the header: `exec` goes on with frames, `dial`, `sftp` and `rpc` go on as raw bytes, all else is done.
// A frame is one type byte, the payload's length as a big-endian 32-bit number, and the payload.

export const FrameType = {
  /** client → server, JSON, first frame of a connection. */
  header: 0x01,
  /** server → client, JSON `{ok: true, …}` or `{ok: false, error: ErrorInfo}`, second frame. */
  reply: 0x02,
  /** client → server. */
  stdin: 0x10,
  /** client → server, empty: no more input. */
  stdinEnd: 0x11,
  /** server → client. */
  stdout: 0x20,
  stderr: 0x21,
  /** server → client, JSON `ExitStatus`, last frame; the server closes after it. */
  exit: 0x30,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** A longer frame is an error of the sender and ends the connection. */
export const MAX_FRAME = 256 * 1024;

export const FRAME_HEAD = 5;
