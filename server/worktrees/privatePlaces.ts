// Where the private git folder of a worktree lies on the host, and where a guest sees its parts.
import { join } from 'node:path';
import type { OwnFolder } from './gitFolder.ts';
import { kindOf } from './gitFolder.ts';
import { viewOf } from './mounts.ts';

export type PrivatePlaces = {
  readonly folder: string;
  /** The guest's own: nothing in it is ever read by a git of the host. */
  readonly repository: string;
  /** The branches of the host, for the guest to fetch from and never to write. */
  readonly host: string;
  /** The worktree's `.git` file as the guest sees it. */
  readonly pointer: string;
  /** An empty file, over what would name places that do not exist inside. */
  readonly nothing: string;
  /** The refs that the guest's folder began with. */
  readonly beginning: string;
};

/** Below a folder that no guest sees; the names of its parts are ours. */
export function privateOf(own: Pick<OwnFolder, 'commonDir' | 'id'>): PrivatePlaces {
  const folder = join(viewOf(own).folder, 'private');
  return {
    folder,
    repository: join(folder, 'repository'),
    host: join(folder, 'host'),
    pointer: join(folder, 'pointer'),
    nothing: join(folder, 'nothing'),
    beginning: join(folder, 'beginning'),
  };
}

export const inside = {
  repository: '/git/private',
  host: '/git/host',
  /** The folders that objects are borrowed from, by number. */
  objects: (number: number): string => `/git/objects/${number}`,
} as const;

/** It outlives the sandboxes that used it, as the worktree does. */
export async function hasPrivate(own: Pick<OwnFolder, 'commonDir' | 'id'>): Promise<boolean> {
  return (await kindOf(privateOf(own).repository)) !== 'absent';
}
