// Where a devcontainer.json wants the project to be seen, in addition to its usual place.
import { posix } from 'node:path';
import { WORKSPACE } from '../../core/launch.ts';
import { isFreeTarget } from '../../core/mountTargets.ts';

/** As the file says them, with all variables filled in. */
export type Wanted = {
  readonly folder?: string | undefined;
  /** The target of `workspaceMount`. */
  readonly mount?: string | undefined;
};

export type Placed =
  | {
      readonly ok: true;
      /** Undefined where it is at its usual place anyway. */
      readonly target: string | undefined;
      /** Why nothing begins in the folder. */
      readonly elsewhere?: string;
    }
  | { readonly ok: false; readonly why: string };

const BEGIN = `programs inside begin at ${WORKSPACE}`;

/** Tools that know no other way mount projects below this folder. */
const USUAL = '/workspaces';

export function placeOf({ folder, mount }: Wanted): Placed {
  const target = clean(mount ?? projectWithin(folder ?? WORKSPACE));
  if (target === WORKSPACE) return { ok: true, target: undefined, ...partOf(folder, target) };
  if (target.startsWith(`${WORKSPACE}/`)) {
    return { ok: false, why: `${target} lies in the project itself, which is at ${WORKSPACE}` };
  }
  if (isFreeTarget(target)) return { ok: true, target, ...partOf(folder, target) };
  return { ok: false, why: `${target} belongs to the system inside; the project is at ${WORKSPACE}` };
}

function partOf(folder: string | undefined, target: string): { elsewhere?: string } {
  if (folder === undefined || clean(folder) === target) return {};
  return { elsewhere: target === WORKSPACE ? BEGIN : `${BEGIN}; the project is at ${target} as well` };
}

/** Where the folder is a part of the project, as the packages of a large one are. */
function projectWithin(folder: string): string {
  const [name] = folder.startsWith(`${USUAL}/`) ? folder.slice(USUAL.length + 1).split('/') : [];
  return name === undefined || name === '' ? folder : `${USUAL}/${name}`;
}

function clean(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}
