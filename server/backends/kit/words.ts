// What the process of a guest says on its error output: into the log, and its last line as the reason of its end.
import type { Readable } from 'node:stream';

const LIMIT = 4_000;

export function collectWords(stream: Readable | null, log: (line: string) => void): { last(): string } {
  let text = '';
  stream?.on('data', (chunk: Buffer) => {
    const added = chunk.toString('utf8');
    text = (text + added).slice(-LIMIT);
    for (const line of added.split('\n')) if (line !== '') log(`guest: ${line}`);
  });
  return { last: () => text.trim().split('\n').at(-1) ?? '' };
}
