// Reads the end of a sandbox's log without reading all of it.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsence } from '../platform/files.ts';
import type { SandboxPaths } from './paths.ts';

const CHUNK = 64 * 1024;

/** The last lines, the rotated older part included when the newer one has too few. */
export function tailOf(files: Pick<SandboxPaths, 'log' | 'logOlder'>, lines: number): string {
  const newer = lastLines(files.log, lines);
  const missing = lines - newer.length;
  const older = missing > 0 ? lastLines(files.logOlder, missing) : [];
  const all = [...older, ...newer];
  return all.length === 0 ? '' : `${all.join('\n')}\n`;
}

function lastLines(path: string, wanted: number): string[] {
  if (wanted <= 0) return [];
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
  try {
    return linesFromEnd(file, wanted);
  } finally {
    closeSync(file);
  }
}

function linesFromEnd(file: number, wanted: number): string[] {
  let position = fstatSync(file).size;
  const chunks: Buffer[] = [];
  let lineEnds = 0;
  // One line end more than lines, for the one that closes the line before the first.
  while (position > 0 && lineEnds <= wanted) {
    const length = Math.min(CHUNK, position);
    position -= length;
    const chunk = Buffer.alloc(length);
    readSync(file, chunk, 0, length, position);
    for (const byte of chunk) if (byte === 0x0a) lineEnds += 1;
    chunks.unshift(chunk);
  }
  const lines = Buffer.concat(chunks).toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(-wanted);
}
