// As whom programs inside run, of what a devcontainer.json says about users.

import { parse } from '../../protocol/parse.ts';
import type { Unfollowed } from '../../protocol/projectFile.ts';
import { GuestUser } from '../../protocol/sandbox.ts';
import type { DevcontainerFile } from './file.ts';

export type FollowedUser = { readonly user?: string | undefined; readonly unfollowed: readonly Unfollowed[] };

/** The one for tools counts, because the container's own command is never started. */
export function userOf({ remoteUser, containerUser }: DevcontainerFile): FollowedUser {
  const [key, said] =
    remoteUser === undefined ? ['containerUser', containerUser] : ['remoteUser', remoteUser];
  const unfollowed: Unfollowed[] = [];
  if (remoteUser !== undefined && containerUser !== undefined && containerUser !== remoteUser) {
    unfollowed.push({ what: 'containerUser', why: 'programs inside run as one user, the remoteUser' });
  }
  if (said === undefined) return { unfollowed };
  const user = parse(GuestUser, said);
  if (user.ok) return { user: user.value, unfollowed };
  const why =
    said === 'root'
      ? "programs inside run with the numbers of the owner of the project's folder, and without the powers of root"
      : `${said} is no name of a user that programs inside can run as`;
  return { unfollowed: [...unfollowed, { what: key, why }] };
}
