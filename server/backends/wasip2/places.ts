// The files of one sandbox, and what its guest sees where.
import { join } from 'node:path';
import type { LaunchRequest } from '../../core/backend.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import { refuseTarget } from '../kit/mountTargets.ts';

export const HOME = '/home/dev';

export function homeFolder(state: string): string {
  return join(state, 'home');
}

/** Emptied at every start. */
export function temporaryFolder(state: string): string {
  return join(state, 'tmp');
}

/** Says which process has the guest of this sandbox. */
export function runningFile(state: string): string {
  return join(state, 'running.json');
}

/** Where a server listens, in a folder that no guest sees. */
export function serverSocket(runtime: string): string {
  return join(runtime, 'http');
}

/** Pure; later ones over earlier ones. */
export function mountsOf(request: LaunchRequest, state: string): readonly Mount[] {
  for (const { target } of request.mounts) refuseTarget(target);
  return [
    { source: homeFolder(state), target: HOME, mode: 'rw' },
    { source: temporaryFolder(state), target: '/tmp', mode: 'rw' },
    ...request.mounts,
  ];
}
