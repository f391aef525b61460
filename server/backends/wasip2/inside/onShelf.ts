// Looks whether a component lies ready on the shelf, as a whole and unchanged.
import { createHash } from 'node:crypto';
import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { parseJson } from '../../../protocol/parse.ts';
import { Prepared } from './orders.ts';

/** The list of what belongs to it, in its folder. */
export const LIST = 'prepared.json';

const Contents = z.strictObject({
  world: Prepared.shape.world,
  kind: Prepared.shape.kind,
  files: z.record(z.string().check(z.regex(/^[\w.-]+$/)), z.string()),
});
export type Contents = z.output<typeof Contents>;

/** Everything is read again and compared: what lies here is run as it is. */
export function onShelf(shelf: string, digest: string): Prepared | undefined {
  const folder = join(shelf, digest);
  const list = parseJson(Contents, readIfThere(join(folder, LIST))?.toString('utf8') ?? '');
  if (!list.ok) return undefined;
  const { world, kind, files } = list.value;
  const whole = Object.entries(files).every(([name, known]) => {
    const content = readIfThere(join(folder, name));
    return content !== undefined && digestOf(content) === known;
  });
  if (!whole) return undefined;
  const now = new Date();
  // Says when it was last of use, to whoever looks for what can go.
  utimesSync(join(folder, LIST), now, now);
  return { world, kind, digest };
}

export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // Absent or not readable, it is made again.
    return undefined;
  }
}
