// Does something in a folder that cannot be exchanged for another one meanwhile.
import * as fs from 'node:fs';
import { join } from 'node:path';

/**
 * `folder` is a real path. The act gets a function that turns a name in it into a path. Where the system shows open
 * folders as paths, the act happens in the one that was looked at; elsewhere it is looked at right before.
 */
export function inFolder<T>(folder: string, act: (at: (name: string) => string) => T): T {
  if (process.platform !== 'linux') {
    if (fs.realpathSync.native(folder) !== folder) moved(folder);
    return act(name => sameName(folder, name));
  }
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
  const held = fs.openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const open = `/proc/self/fd/${held}`;
  try {
    if (fs.readlinkSync(open) !== folder) moved(folder);
    return act(name => `${open}/${name}`);
  } finally {
    fs.closeSync(held);
  }
}

/** These systems find a file by names that are not its own, such as those in other letters. */
function sameName(folder: string, name: string): string {
  const path = join(folder, name);
  const isThere = name !== '.' && fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (isThere && !fs.readdirSync(folder).includes(name)) moved(path);
  return path;
}

function moved(folder: string): never {
  throw Object.assign(new Error(`${folder} leads elsewhere now`), { code: 'EACCES' });
}
