// One program of the runtime as a process of the guest: its streams, its end, and what it is told.
import { Readable, Writable } from 'node:stream';
import type { Process } from '@wasmer/sdk/node';
import type { GuestProcess } from '../../../core/guest.ts';
import type { ExitStatus, SignalName } from '../../../protocol/exec.ts';

/** How long a program that was asked to end may take. */
const GRACE_MS = 2_000;

/**
 * One that was killed while the runtime waits for somebody else, such as for a connection, does nothing any more, and
 * is told to have ended only when that wait is over, which takes a minute.
 */
const KILLED_MS = 1_000;

const ending: readonly SignalName[] = ['TERM', 'INT', 'HUP', 'QUIT', 'ABRT'];

/** Who reads Ctrl-C and Ctrl-D of a terminal: we, where there is no shell, or a program inside. */
export type Keys = 'none' | 'ours' | 'theirs';

export type Told = {
  readonly keys: Keys;
  /** Lines of ours that follow what the program itself has to say. */
  readonly remarks: readonly string[];
};

export function guestProcess(running: Process, { keys, remarks }: Told): GuestProcess {
  let told: SignalName | undefined;
  const abandoned = Promise.withResolvers<undefined>();
  // A terminal is one stream, into which the runtime writes as into two.
  const [stdout, stderr] =
    keys === 'none'
      ? [
          outputOf(bytesOf(running.stdout, abandoned.promise)),
          outputOf(andThen(bytesOf(running.stderr, abandoned.promise), remarks)),
        ]
      : [
          outputOf(
            andThen(
              both(bytesOf(running.stdout, abandoned.promise), bytesOf(running.stderr, abandoned.promise)),
              remarks,
            ),
          ),
          Readable.from([]),
        ];
  const left = abandoned.promise.then((): ExitStatus => ({ kind: 'signalled', signal: told ?? 'KILL' }));
  const finished = running.wait().then(
    ({ exitCode, reason }): ExitStatus => {
      if (told !== undefined && reason !== 'exited') return { kind: 'signalled', signal: told };
      if (reason !== 'exited') return { kind: 'signalled', signal: 'KILL' };
      return { kind: 'exited', code: exitCode };
    },
    (error: unknown): ExitStatus => {
      // It did what no program may, such as reaching beyond its memory.
      console.error(`a program broke: ${error instanceof Error ? error.message : String(error)}`);
      return { kind: 'signalled', signal: told ?? 'ABRT' };
    },
  );
  const ended = Promise.race([finished, left]);
  const tell = async (name: SignalName): Promise<void> => {
    if (name !== 'KILL' && !ending.includes(name)) return;
    told ??= name;
    const patience = name === 'KILL' ? KILLED_MS : GRACE_MS + KILLED_MS;
    setTimeout(() => abandoned.resolve(undefined), patience).unref();
    // One that has ended meanwhile cannot be told, and need not be.
    const done = name === 'KILL' ? running.kill() : running.terminate({ gracePeriodMs: GRACE_MS });
    await done.catch(() => undefined);
  };
  return {
    stdin: inputOf(running, keys === 'ours' ? () => void tell('INT') : undefined),
    stdout,
    stderr,
    exited: Promise.all([ended, delivered(stdout), delivered(stderr)]).then(([status]) => status),
    signal: tell,
    resize: async ({ columns, rows }) => {
      if (keys !== 'none') running.resizeTerminal(columns, rows);
    },
    hangUp: () => void tell('HUP'),
  };
}

/** Read on only as far as somebody reads. */
function outputOf(from: AsyncIterable<Buffer>): Readable {
  return Readable.from(from, { objectMode: false, highWaterMark: 256 * 1024 });
}

async function* andThen(from: AsyncIterable<Buffer>, remarks: readonly string[]): AsyncGenerator<Buffer> {
  yield* from;
  for (const line of remarks) yield Buffer.from(`${line}\r\n`);
}

async function* both(...sources: AsyncGenerator<Buffer>[]): AsyncGenerator<Buffer> {
  const waiting = new Map(sources.map(source => [source, source.next()]));
  while (waiting.size > 0) {
    const asked = [...waiting].map(async ([source, next]) => ({ source, result: await next }));
    const { source, result } = await Promise.race(asked);
    if (result.done === true) waiting.delete(source);
    else {
      waiting.set(source, source.next());
      yield result.value;
    }
  }
}

/** Until it ends, or the program was given up. */
async function* bytesOf(
  from: AsyncIterable<Uint8Array> | null,
  abandoned: Promise<undefined>,
): AsyncGenerator<Buffer> {
  if (from === null) return;
  const chunks = from[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), abandoned]);
      if (next === undefined || next.done === true) return;
      const { buffer, byteOffset, byteLength } = next.value;
      yield Buffer.from(buffer, byteOffset, byteLength);
    }
  } catch {
    // Cut off with the end of the program, which is told by itself.
  }
}

/** Everything is in the stream's buffer, or nobody wants it. */
function delivered(stream: Readable): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if (stream.readableEnded || stream.destroyed) resolve();
    };
    stream.once('end', resolve).once('close', resolve).once('error', resolve);
    look();
  });
}

const CTRL_C = 0x03;
const CTRL_D = 0x04;

function inputOf(running: Process, interrupt: (() => void) | undefined): Writable {
  const to = running.stdin;
  const close = (done: (error?: Error) => void): void => {
    // Whoever does not read any more has nothing to be told.
    (to?.close() ?? Promise.resolve()).then(
      () => done(),
      () => done(),
    );
  };
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (interrupt !== undefined && chunk.includes(CTRL_C)) interrupt();
      if (interrupt !== undefined && chunk.at(-1) === CTRL_D) return close(done);
      (to?.write(chunk) ?? Promise.resolve()).then(
        () => done(),
        () => done(),
      );
    },
    final: close,
    destroy(error, done) {
      close(() => done(error));
    },
  });
}
