// Puts the mounts of a request into a form in which an engine cannot change what they mean; pure.
import { fail } from '../../core/errors.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import { refuseTarget } from '../kit/mountTargets.ts';

/**
 * Engines sort mounts by depth and take each target once. So what a later mount covers is left out, after which the
 * order by depth is the order that was asked for.
 */
export function orderedMounts(mounts: readonly Mount[]): readonly Mount[] {
  for (const { target } of mounts) refuseTarget(target);
  const visible = mounts.filter(
    ({ target }, index) => !mounts.slice(index + 1).some(later => covers(later.target, target)),
  );
  return visible.toSorted((left, right) => depthOf(left.target) - depthOf(right.target));
}

/** Nothing that contains the engine's socket may be shown, because whoever reaches it has the whole machine. */
export function refuseSockets(mounts: readonly Mount[], sockets: readonly string[]): void {
  for (const { source } of mounts) {
    const shown = sockets.find(socket => covers(source, socket));
    if (shown === undefined) continue;
    fail(
      'policy-refused',
      `${source} contains the engine’s socket ${shown}, which would open the whole machine`,
      {
        hint: 'share a folder without it',
      },
    );
  }
}

/** The folder or file, or something below it. */
function covers(path: string, other: string): boolean {
  return other === path || other.startsWith(path.endsWith('/') ? path : `${path}/`);
}

function depthOf(path: string): number {
  return path.split('/').length;
}
