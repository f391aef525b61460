// How git is run inside a guest: a program and its arguments in, bounded output out.
import type { Readable } from 'node:stream';
import { fail } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import type { RunResult } from '../core/ports.ts';

export type InsideOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly accept?: readonly number[] | 'any';
};

export type Inside = (argv: readonly string[], options?: InsideOptions) => Promise<RunResult>;

const OUTPUT_LIMIT = 64 * 1024 * 1024;
const DEADLINE_MS = 120_000;

export function insideOf(guest: Pick<Guest, 'exec'>, signal?: AbortSignal): Inside {
  return async (argv, options = {}) => {
    const child = await guest.exec({
      argv: [...argv],
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
    });
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    const onStop = (): void => {
      void child.signal('KILL').catch(() => undefined);
      child.hangUp();
      child.stdout.destroy();
      child.stderr.destroy();
    };
    stop.addEventListener('abort', onStop, { once: true });
    try {
      child.stdin.end();
      const [stdout, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
      const status = await child.exited;
      const code = status.kind === 'exited' ? status.code : 128;
      const accept = options.accept ?? [0];
      if (accept !== 'any' && !accept.includes(code)) {
        fail(
          'guest-failed',
          `${argv.slice(0, 2).join(' ')} failed inside the sandbox: ${stderr.trim().slice(-500)}`,
        );
      }
      return { code, stdout, stderr };
    } catch (error) {
      // Nothing waits any more for what it writes.
      onStop();
      if (signal?.aborted === true) fail('cancelled', 'cancelled', { cause: error });
      if (deadline.aborted) fail('timeout', `${argv.slice(0, 2).join(' ')} did not end inside the sandbox`);
      throw error;
    } finally {
      stop.removeEventListener('abort', onStop);
    }
  };
}

async function collect(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > OUTPUT_LIMIT)
      fail('guest-failed', `git inside the sandbox wrote more than ${OUTPUT_LIMIT} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
