// Device files for guests that root starts: copies, because the owner of a device file may change its permissions.

import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { spawnChild } from '../../platform/spawn.ts';

export const deviceNames = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** `copied` when the guest gets its own; made anew with every start, so that nothing of an earlier guest stays. */
export async function prepareDevices(state: string, uid: number): Promise<'copied' | 'shared'> {
  if (uid !== 0) return 'shared';
  const folder = devicesFolder(state);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o755 });
  const argv = ['/bin/cp', '-a', ...deviceNames.map(name => `/dev/${name}`), folder] as const;
  const child = spawnChild(argv, { env: {}, stdio: 'ignore' });
  const code = await once(child, 'exit').then(
    ([status]) => status,
    () => undefined,
  );
  return code === 0 && opens(join(folder, 'null')) ? 'copied' : 'shared';
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
