// What no image may carry: passwords, host keys, the identity and the caches of the machine that made it.
import { bytesOf } from './content.ts';
import { type FolderNode, fileOf, find, type Node, put, remove, resolve } from './rootTree.ts';

/** Every account stays, and none can be entered with a password. */
export async function lockAccounts(root: FolderNode): Promise<void> {
  for (const path of ['etc/shadow', 'etc/shadow-', 'etc/gshadow', 'etc/gshadow-']) {
    await rewriteLines(root, path, fields =>
      withSecond(fields, isLocked(fields[1]) ? (fields[1] ?? '*') : '*'),
    );
  }
  for (const path of ['etc/passwd', 'etc/passwd-']) {
    await rewriteLines(root, path, fields => withSecond(fields, 'x'));
  }
}

/** Each sandbox makes its own. */
export function removeIdentity(root: FolderNode): void {
  removeChildren(root, 'etc/ssh', name => /^ssh_host_.*_key(\.pub)?$/.test(name));
  removeChildren(root, 'etc/dropbear', name => name.endsWith('_host_key'));
  remove(root, 'var/lib/dbus/machine-id');
  remove(root, 'var/lib/systemd/random-seed');
  if (find(root, 'etc')?.kind === 'folder') put(root, 'etc/machine-id', fileOf(''));
}

/** What package managers can make again, and what they noted while they worked. */
export function removeCaches(root: FolderNode): void {
  for (const path of ['var/cache/apt', 'var/lib/apt/lists', 'var/log', 'tmp', 'var/tmp', 'run']) {
    removeChildren(root, path, () => true);
  }
  for (const path of ['var/cache/ldconfig/aux-cache', '.dockerenv']) remove(root, path);
}

function isLocked(password: string | undefined): boolean {
  return password !== undefined && /^[!*]/.test(password);
}

function withSecond(fields: readonly string[], second: string): readonly string[] {
  return fields.length < 2 ? fields : [fields[0] ?? '', second, ...fields.slice(2)];
}

type Edit = (fields: readonly string[]) => readonly string[];

async function rewriteLines(root: FolderNode, path: string, edit: Edit): Promise<void> {
  const file = resolve(root, path);
  if (file?.kind !== 'file') return;
  const text = (await bytesOf(file.content)).toString('latin1');
  const edited = text
    .split('\n')
    .map(line => edit(line.split(':')).join(':'))
    .join('\n');
  const node: Node = { ...file, content: { kind: 'bytes', bytes: Buffer.from(edited, 'latin1') } };
  if (edited !== text) put(root, path, node);
}

function removeChildren(root: FolderNode, path: string, goes: (name: string) => boolean): void {
  const folder = resolve(root, path);
  if (folder?.kind !== 'folder') return;
  for (const name of [...folder.children.keys()]) if (goes(name)) folder.children.delete(name);
}
