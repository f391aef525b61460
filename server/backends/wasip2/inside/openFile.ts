// An open file, which is closed when the last one that uses it lets go.
import { closeSync } from 'node:fs';

export type OpenFile = {
  readonly descriptor: number;
  hold(): OpenFile;
  release(): void;
};

/** Held once by whoever makes it. */
export function openFile(descriptor: number): OpenFile {
  let holders = 1;
  const file: OpenFile = {
    descriptor,
    hold: () => {
      holders += 1;
      return file;
    },
    release: () => {
      holders -= 1;
      if (holders === 0) closeSync(descriptor);
    },
  };
  return file;
}

/** The outputs of this process, which stay open as long as it runs. */
export function standing(descriptor: number): OpenFile {
  const file: OpenFile = { descriptor, hold: () => file, release: () => {} };
  return file;
}
