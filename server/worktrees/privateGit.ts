// Private mode: the guest has a git folder of its own, and nothing that it writes there is read by a git of the host.
//
// * `/git/private` is a whole git folder with its own refs, index, configuration and reflogs. It is made once per
//   worktree, lives as long as the worktree, and lies where no git looks for a repository.
// * Objects are borrowed: the host's are mounted read-only, so that making it copies refs and the index alone.
// * `/git/host` is a read-only repository with the host's branches, the remote `host` of the guest. It has neither
//   the configuration nor the hooks nor the reflogs of the real one, and is written again with every start and every import.
// * The worktree's `.git` file is covered by one of ours. The real one, which git on the host reads, is out of reach.
// Commits come back only by importing them (importing.ts).
import { join } from 'node:path';
import { WORKSPACE } from '../core/launch.ts';
import type { Mount, WorktreeRef } from '../protocol/sandbox.ts';
import { kindOf, type OwnFolder, requireFolder } from './gitFolder.ts';
import type { Host } from './hostGit.ts';
import { alternatesOf, soundWorktree } from './mounts.ts';
import { makePrivate, writeHostView } from './privateFolder.ts';
import { inside, privateOf } from './privatePlaces.ts';

/** To be mounted in this order over the workspace; makes what is missing. */
export async function privateMounts(host: Host, worktree: WorktreeRef): Promise<Mount[]> {
  const { own } = await soundWorktree(worktree);
  await makePrivate(host, { own, branch: worktree.branch });
  const places = privateOf(own);
  await requireFolder(places.repository);
  const borrowed = await showHost(host, own);
  const masks: Mount[] = [];
  for (const [number, folder] of borrowed.entries()) {
    if ((await kindOf(join(folder, 'info', 'alternates'))) === 'absent') continue;
    masks.push(ro(places.nothing, `${inside.objects(number)}/info/alternates`));
  }
  return [
    ...borrowed.map((folder, number) => ro(folder, inside.objects(number))),
    ...masks,
    ro(places.host, inside.host),
    { source: places.repository, target: inside.repository, mode: 'rw' },
    ro(places.pointer, join(WORKSPACE, '.git')),
  ];
}

/** Also while a guest runs. Answers the folders that objects are borrowed from. */
export async function showHost(host: Host, own: OwnFolder): Promise<readonly string[]> {
  const objects = join(own.commonDir, 'objects');
  const borrowed = [objects, ...(await alternatesOf(objects, 0))];
  await writeHostView(host, own, borrowed.length);
  return borrowed;
}

function ro(source: string, target: string): Mount {
  return { source, target, mode: 'ro' };
}
