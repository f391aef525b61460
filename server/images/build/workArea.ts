// The folder in which mmdebstrap makes a root file system: among the temporary ones, because its users are others and
// must be able to enter it, and known by who made it, so that what was killed is found and cleared.
import { chmod, lstat, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run } from '../../core/ports.ts';
import { readTextIfExists } from '../../platform/files.ts';
import { identify } from '../../platform/process.ts';
import { removeTree } from '../../platform/removeTree.ts';

const AREA = 'heyvm-bootstrap-';

export async function makeArea(): Promise<string> {
  const area = await mkdtemp(join(tmpdir(), `${AREA}${process.pid}-`));
  await chmod(area, 0o755);
  return area;
}

/** Its programs and mounts are gone with whoever was killed; the files are not. */
export async function killedAreas(): Promise<readonly string[]> {
  const uid = process.getuid?.();
  const found: string[] = [];
  for (const name of await readdir(tmpdir())) {
    const pid = /^heyvm-bootstrap-([0-9]+)-/.exec(name)?.[1];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    const area = join(tmpdir(), name);
    const stats = await lstat(area).catch(() => undefined);
    if (stats?.isDirectory() === true && stats.uid === uid && !(await hasMounts(area))) found.push(area);
  }
  return found;
}

/** mmdebstrap clears up itself unless it is killed; its files may then belong to users of the namespace. */
export async function clearArea(run: Run, area: string): Promise<void> {
  if (process.getuid?.() !== 0) {
    await run(['unshare', '--user', '--map-root-user', '--map-auto', 'rm', '-rf', '--', area], {
      accept: 'any',
    });
  }
  await removeTree(area);
}

/** What is mounted there is somebody else's, and would be emptied as well. */
async function hasMounts(area: string): Promise<boolean> {
  return ((await readTextIfExists('/proc/self/mountinfo')) ?? '').includes(` ${area}/`);
}
