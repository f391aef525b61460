// How a file of a guest is opened, and the flags for it.
import * as fs from 'node:fs';

export type OpenMode = {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly append?: boolean;
  readonly create?: boolean;
  /** It must not exist yet. */
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
};

/** Never a link, never a device that would wait. */
export function flagsOf({ read, write, append, create, exclusive }: OpenMode): number {
  const { constants: c } = fs;
  const writes = write === true || append === true;
  const access = writes ? (read === true ? c.O_RDWR : c.O_WRONLY) : c.O_RDONLY;
  return (
    access |
    (append === true ? c.O_APPEND : 0) |
    (create === true ? c.O_CREAT : 0) |
    (exclusive === true ? c.O_EXCL : 0) |
    (c.O_NOFOLLOW ?? 0) |
    (c.O_NONBLOCK ?? 0)
  );
}
