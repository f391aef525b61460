// The two outputs of this process. Short texts go out without Node's streams, whose loading costs more than the text.
import { fstatSync, statSync, writeSync } from 'node:fs';

export type Outlet = 'stdout' | 'stderr';

const descriptors: Readonly<Record<Outlet, number>> = { stdout: 1, stderr: 2 };
const opened = new Set<Outlet>();

export function isTerminal(outlet: Outlet): boolean {
  return mayBeTerminal(descriptors[outlet]) && process[outlet].isTTY === true;
}

/** The stream itself, for much data. A reader that goes away, as in `heyvm list | head -1`, ends us quietly. */
export function streamOf(outlet: Outlet): NodeJS.WriteStream {
  const stream = process[outlet];
  if (opened.has(outlet)) return stream;
  opened.add(outlet);
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') endQuietly();
    throw error;
  });
  return stream;
}

/** Writes at once; what a full pipe does not take yet goes through the stream, in order. */
export function put(outlet: Outlet, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  if (!opened.has(outlet) && !isTerminal(outlet)) rest = putNow(descriptors[outlet], rest);
  if (rest.length > 0) streamOf(outlet).write(rest);
}

/** Resolves when everything has been handed over. */
export async function flush(): Promise<void> {
  for (const outlet of opened) {
    if (process[outlet].writableLength === 0) continue;
    await new Promise<void>(done => process[outlet].write('', () => done()));
  }
}

/** Answers what is left. */
function putNow(descriptor: number, bytes: Uint8Array): Uint8Array {
  let rest = bytes;
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EPIPE') endQuietly();
    if (code !== 'EAGAIN') throw error;
  }
  return rest;
}

function endQuietly(): never {
  process.exit(process.exitCode ?? 0);
}

/** Terminals are character devices, and so is the one that swallows everything, which needs no stream either. */
function mayBeTerminal(descriptor: number): boolean {
  try {
    const device = fstatSync(descriptor);
    return (
      device.isCharacterDevice() && device.rdev !== statSync('/dev/null', { throwIfNoEntry: false })?.rdev
    );
  } catch {
    // A closed output is no terminal.
    return false;
  }
}
