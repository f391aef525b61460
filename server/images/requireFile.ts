// Makes sure that a file which a person named is one.
import { stat } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import { isAbsence } from '../platform/files.ts';

export async function requireFile(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
  fail('path-not-found', `there is no file ${path}`);
}
