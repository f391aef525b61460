// From a record to what a driver is asked for; service and owner build it here, so they cannot disagree.
import type { Mount, SandboxId } from '../protocol/sandbox.ts';
import type { LaunchRequest } from './backend.ts';

/** Where a guest sees its workspace. */
export const WORKSPACE = '/workspace';

/** Where a guest sees the servers of editors that this machine has, if its backend can show folders of it. */
export const SHARED_SERVERS = '/opt/heyvm-servers';

/** The part of a record that decides how a guest is made. */
export type Launchable = Pick<LaunchRequest, 'name' | 'type' | 'runtime' | 'user' | 'env' | 'limits'> & {
  readonly id: SandboxId;
  readonly workspace: { readonly path: string; readonly access?: 'ro' | undefined };
  readonly mounts: readonly Mount[];
  readonly cold?: boolean | undefined;
  readonly policy: { readonly network: { readonly mode: LaunchRequest['network'] } };
};

/** What is looked up anew for each start. */
export type LaunchParts = {
  readonly gitMounts: readonly Mount[];
  /** Folders of heyvm itself; what a person mounts comes over them. */
  readonly ownMounts?: readonly Mount[];
  readonly options: unknown;
  readonly owner: LaunchRequest['owner'];
  readonly image?: LaunchRequest['image'];
  readonly from?: LaunchRequest['from'];
};

/** Git's mounts come over everything, because they protect the host. */
export function launchRequestOf(record: Launchable, parts: LaunchParts): LaunchRequest {
  return {
    id: record.id,
    name: record.name,
    type: record.type,
    runtime: record.runtime,
    ...(parts.image === undefined ? {} : { image: parts.image }),
    ...(record.user === undefined ? {} : { user: record.user }),
    workspace: record.workspace.path,
    mounts: [
      { source: record.workspace.path, target: WORKSPACE, mode: record.workspace.access ?? 'rw' },
      ...(parts.ownMounts ?? []),
      ...record.mounts,
      ...parts.gitMounts,
    ],
    env: record.env,
    network: record.policy.network.mode,
    limits: record.limits,
    owner: parts.owner,
    options: parts.options,
    cold: record.cold === true,
    ...(parts.from === undefined ? {} : { from: parts.from }),
  };
}

/** What a guest calls the owner of its workspace, and where that one's own files are. */
export function userOf({ user = 'dev' }: Pick<LaunchRequest, 'user'>): { name: string; home: string } {
  return { name: user, home: `/home/${user}` };
}

/** The latest earlier mount that the target lies in; later ones win in the guest as well. */
export function coveringMount(earlier: readonly Mount[], target: string): Mount | undefined {
  return earlier.findLast(mount => target === mount.target || target.startsWith(`${mount.target}/`));
}
