// Checks the folders of the host that a guest is to see, before anything is made.
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { fail } from '../core/errors.ts';
import { isAbsence } from '../platform/files.ts';
import type { Mount } from '../protocol/sandbox.ts';
import type { Paths } from '../store/paths.ts';

/** The folder itself, with all symbolic links resolved. */
export async function checkWorkspace(paths: Paths, path: string): Promise<string> {
  const real = await resolveSource(path, 'workspace');
  const state = await stat(real);
  if (!state.isDirectory()) fail('usage', `the workspace ${path} is not a folder`, { hint: 'name a folder' });
  await refuseExposure(paths, real, `the workspace ${path}`);
  return real;
}

/** A file that is to be copied; what it leads to, so that a link to the store hides nothing. */
export async function checkFile(paths: Paths, path: string): Promise<string> {
  const real = await resolveSource(path, 'file');
  if (!(await stat(real)).isFile()) fail('usage', `${path} is not a file`, { hint: 'name a file' });
  await refuseExposure(paths, real, `the file ${path}`);
  return real;
}

export async function checkMount(paths: Paths, mount: Mount): Promise<Mount> {
  const source = await resolveSource(mount.source, 'mount');
  await refuseExposure(paths, source, `the mount of ${mount.source}`);
  if (mount.mode === 'rw') refuseGit(source);
  const target = normalize(mount.target).replace(/(.)\/$/, '$1');
  if (!isAbsolute(mount.target) || mount.target.split('/').includes('..') || target === '/') {
    fail('usage', `the mount target ${mount.target} is not an absolute path below /`, {
      hint: 'name where the guest is to see it, for example /data',
    });
  }
  return { source, target, mode: mount.mode };
}

async function resolveSource(path: string, what: string): Promise<string> {
  if (!isAbsolute(path))
    fail('usage', `the ${what} ${path} is not an absolute path`, { hint: 'name it from the root' });
  if (path.split(sep).includes('..')) {
    fail('usage', `the ${what} ${path} goes up with ..`, { hint: 'name the folder itself' });
  }
  try {
    return await realpath(path);
  } catch (error) {
    if (isAbsence(error)) fail('path-not-found', `the ${what} ${path} does not exist`, { cause: error });
    throw error;
  }
}

/** Whoever can write in there has programs run on the host, with the next git that looks at it. */
function refuseGit(source: string): void {
  if (!source.split(sep).some(part => part.toLowerCase() === '.git')) return;
  fail(
    'policy-refused',
    `the mount of ${source} would let programs inside change what git on this machine does`,
    {
      hint: 'mount it read-only',
    },
  );
}

/** A guest that saw the sockets of owners could leave its sandbox through them. */
async function refuseExposure(paths: Paths, real: string, what: string): Promise<void> {
  if (real === sep)
    fail('policy-refused', `${what} is the whole file system`, { hint: 'name a folder of your own' });
  for (const own of await Promise.all([paths.home, paths.run].map(realPlace))) {
    if (isWithin(own, real) || isWithin(real, own)) {
      fail('policy-refused', `${what} would show the guest ${own}, which controls every sandbox`, {
        hint: 'name a folder that neither contains it nor lies in it',
      });
    }
  }
}

/** Links that lead to the store, as where homes are linked to elsewhere, must not hide it; it may not exist yet. */
export async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isAbsence(error) || dirname(path) === path) throw error;
    return join(await realPlace(dirname(path)), basename(path));
  }
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}
