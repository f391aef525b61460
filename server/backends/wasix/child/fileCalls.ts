// How a thread of the runtime asks the main thread for a file and stands still until the answer is there.

export type FileCall = {
  readonly type: typeof TYPE;
  readonly mount: number;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Two numbers, the state and the length of the answer, and then the answer. */
  readonly response: SharedArrayBuffer;
};

export type FileReply = { readonly value: unknown } | { readonly error: string };

const TYPE = 'heyvm-file';
const HEADER_BYTES = 8;
/** More than a piece of a file takes; long lists of names make the buffer grow. */
const RESPONSE_BYTES = 128 * 1024;
/** A folder of a million names. */
const MOST_RESPONSE_BYTES = 64 * 1024 * 1024;
const State = { waiting: 0, json: 1, bytes: 2 } as const;

export function isFileCall(data: unknown): data is FileCall {
  return typeof data === 'object' && data !== null && 'type' in data && data.type === TYPE;
}

export function replyTo({ response }: FileCall, reply: FileReply): void {
  const control = new Int32Array(response, 0, 2);
  const plain = 'value' in reply && reply.value instanceof Uint8Array ? reply.value : undefined;
  let bytes = plain ?? new TextEncoder().encode(JSON.stringify(reply));
  if (bytes.length > response.maxByteLength - HEADER_BYTES)
    bytes = new TextEncoder().encode(JSON.stringify({ error: 'EOVERFLOW' }));
  if (bytes.length > response.byteLength - HEADER_BYTES) response.grow(bytes.length + HEADER_BYTES);
  new Uint8Array(response, HEADER_BYTES, bytes.length).set(bytes);
  control[1] = bytes.length;
  Atomics.store(control, 0, bytes === plain ? State.bytes : State.json);
  Atomics.notify(control, 0);
}

/** The function that the runtime calls in a thread. */
export function caller(
  post: (call: FileCall) => void,
): (mount: number, method: string, args: readonly unknown[]) => unknown {
  // A thread that waits asks for nothing else, so that one buffer does for all its calls.
  const response = new SharedArrayBuffer(RESPONSE_BYTES, { maxByteLength: MOST_RESPONSE_BYTES });
  const control = new Int32Array(response, 0, 2);
  return (mount, method, args) => {
    control.fill(0);
    post({ type: TYPE, mount, method, args, response });
    while (Atomics.load(control, 0) === State.waiting) Atomics.wait(control, 0, State.waiting);
    const bytes = new Uint8Array(response, HEADER_BYTES, control[1]).slice();
    if (Atomics.load(control, 0) === State.bytes) return bytes;
    const reply: FileReply = JSON.parse(new TextDecoder().decode(bytes));
    if ('error' in reply) throw Object.assign(new Error(reply.error), { code: reply.error });
    return reply.value;
  };
}
