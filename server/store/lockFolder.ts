// The folder of a lock as it was when it was opened: whoever has the lock may take it away, and another one may appear
// in its place, whose tickets count anew. What was read of the one must not be done in the other.
import { type BigIntStats, closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { isAbsence, makeFolder } from '../platform/files.ts';

export type LockFolder = {
  /** How it is called by people. */
  readonly name: string;
  /** Where its files are; on Linux in this very folder, whatever has its name by now. */
  readonly path: string;
  /** Whether it is still the one that has the name. */
  isCurrent(): boolean;
  close(): void;
};

/** Undefined when it was taken away meanwhile. */
export function openLockFolder(name: string): LockFolder | undefined {
  makeFolder(name);
  try {
    return process.platform === 'linux' ? heldFolder(name) : namedFolder(name);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** As long as it is held open, no other folder has its number. */
function heldFolder(name: string): LockFolder {
  const held = openSync(name, constants.O_RDONLY | constants.O_DIRECTORY);
  const own = fstatSync(held, { bigint: true });
  return {
    name,
    path: `/proc/self/fd/${held}`,
    isCurrent: () => isSameFolder(own, statSync(name, { bigint: true, throwIfNoEntry: false })),
    close: () => closeSync(held),
  };
}

/** Elsewhere a folder is told by its number alone. */
function namedFolder(name: string): LockFolder {
  const own = statSync(name, { bigint: true });
  return {
    name,
    path: name,
    isCurrent: () => isSameFolder(own, statSync(name, { bigint: true, throwIfNoEntry: false })),
    close: () => {},
  };
}

function isSameFolder(one: BigIntStats, other: BigIntStats | undefined): boolean {
  return other !== undefined && one.ino === other.ino && one.dev === other.dev;
}
