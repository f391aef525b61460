// A stream to a program on another machine, over the person's own ssh.
import { Duplex, Readable, Writable } from 'node:stream';
import { allowedEnvironment } from './environment.ts';
import { spawnChild } from './spawn.ts';

/** Ends with the program; what ssh says on its way out is the error. */
export function overSsh(argv: readonly [string, ...string[]]): Duplex {
  const child = spawnChild(argv, { env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('ssh has no streams');
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-SAID);
  });
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  // Who reads hears of it, and after the end of a connection nobody does.
  closed.catch(() => undefined);
  child.once('error', reject);
  child.once('close', code => {
    if (code === 0) resolve();
    else reject(new Error(said.trim() === '' ? `ssh ended with status ${code}` : said.trim()));
  });
  const readable = Readable.from(untilEnd(stdout, closed), { objectMode: false });
  return Duplex.from({ writable: into(stdin), readable }).once('close', () => child.kill());
}

/** A program that is gone takes no more, and its last words are the reason, not that. */
function into(input: Writable): Writable {
  input.on('error', () => undefined);
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => void input.write(chunk, () => done()),
    final: done => void input.end(() => done()),
  });
}

/** The output ends before the program does, and only then it is known whether that was well. */
async function* untilEnd(output: Readable, closed: Promise<void>): AsyncGenerator<Buffer> {
  yield* output;
  await closed;
}

const SAID = 1000;

function environment(): Record<string, string> {
  const agent = process.env['SSH_AUTH_SOCK'];
  return { ...allowedEnvironment(process.env), ...(agent === undefined ? {} : { SSH_AUTH_SOCK: agent }) };
}
