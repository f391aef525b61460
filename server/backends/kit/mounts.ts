// Checks right before a start that every mount leads where it says: a guest may have planted links since the last one.
import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../../core/errors.ts';
import { coveringMount } from '../../core/launch.ts';
import { isAbsence } from '../../platform/files.ts';
import type { Mount } from '../../protocol/sandbox.ts';

/** Fails with `path-not-found` for what is gone and with `policy-refused` for what a link redirects. */
export function checkMounts(mounts: readonly Mount[]): void {
  for (const [index, mount] of mounts.entries()) {
    checkSource(mount);
    const below = coveringMount(mounts.slice(0, index), mount.target);
    if (below !== undefined) checkMountPoint(mount, below);
  }
}

function checkSource({ source, target }: Mount): void {
  let real: string;
  try {
    real = realpathSync(source);
  } catch (error) {
    if (!isAbsence(error)) throw error;
    fail('path-not-found', `${source}, which the sandbox shows at ${target}, does not exist any more`, {
      hint: 'bring it back, or remove the sandbox with heyvm rm',
    });
  }
  if (real !== source) refuse(source, real);
}

/** A mount point that is a link would put the mount somewhere else and leave its own place open. */
function checkMountPoint({ target }: Mount, below: Mount): void {
  const point = below.source + target.slice(below.target.length);
  const existing = nearestExisting(point);
  const real = realpathSync(existing);
  if (real !== existing) refuse(existing, real);
}

function nearestExisting(path: string): string {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    // A link to nothing has no real path, and cannot be a mount point either.
    return existsSync(path) ? path : fail('policy-refused', `${path} is a link to nothing`, { hint: HINT });
  }
  return nearestExisting(dirname(path));
}

const HINT = 'look at who put the link there; remove it, or use the path that it leads to';

function refuse(path: string, real: string): never {
  return fail('policy-refused', `${path} is a link or lies behind one, and leads to ${real}`, { hint: HINT });
}
