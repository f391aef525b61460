// Device files for guests that root starts: copies, because the owner of a device file may change its permissions.
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../../platform/spawn.ts';

export const deviceNames = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** `copied` when the guest gets its own; made anew with every start, so that nothing of an earlier guest stays. */
export function prepareDevices(state: string, uid: number): 'copied' | 'shared' {
  if (uid !== 0) return 'shared';
  const folder = devicesFolder(state);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o755 });
  const copied = outputOf(['/bin/cp', '-a', ...deviceNames.map(name => `/dev/${name}`), folder]);
  return copied !== undefined && opens(join(folder, 'null')) ? 'copied' : 'shared';
}

export function devicesFolder(state: string): string {
  return `${state}/dev`;
}

function opens(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    // The file system of the store allows no devices.
    return false;
  }
}
