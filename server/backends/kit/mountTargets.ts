// Refuses a person's mounts where they may not lie in a guest.
import { fail } from '../../core/errors.ts';
import { isCleanTarget, isFreeTarget } from '../../core/mountTargets.ts';

/** Fails with `usage` for a path that is not clean or that the guest needs for itself. */
export function refuseTarget(target: string): void {
  if (isFreeTarget(target)) return;
  fail('usage', `${target} cannot be a mount point in a sandbox`, {
    hint: isCleanTarget(target)
      ? 'choose a folder that the system does not use, such as /data'
      : 'give an absolute path without dots, double or closing slashes',
  });
}
