// What no image may carry: passwords, host keys, the identity and the caches of the machine that made it.
import { posix } from 'node:path';
import { bytesOf } from './content.ts';
import { type FolderNode, fileOf, find, put, remove, resolve } from './rootTree.ts';
import type { Foresight } from './tarDraft.ts';

const shadows = ['etc/shadow', 'etc/shadow-', 'etc/gshadow', 'etc/gshadow-'];
const accounts = ['etc/passwd', 'etc/passwd-'];
const MACHINE_ID = 'etc/machine-id';
const noId = fileOf('');
const hostKeys: readonly (readonly [folder: string, isKey: (name: string) => boolean])[] = [
  ['etc/ssh', name => /^ssh_host_.*_key(\.pub)?$/.test(name)],
  ['etc/dropbear', name => name.endsWith('_host_key')],
];
const identities = ['var/lib/dbus/machine-id', 'var/lib/systemd/random-seed'];

/** Every account stays, and none can be entered with a password. */
export async function lockAccounts(root: FolderNode): Promise<void> {
  for (const path of [...shadows, ...accounts]) {
    const file = resolve(root, path);
    if (file?.kind !== 'file') continue;
    const before = await bytesOf(file.content);
    const bytes = locked(path, before);
    if (!bytes.equals(before)) put(root, path, { ...file, content: { kind: 'bytes', bytes } });
  }
}

/** Each sandbox makes its own. */
export function removeIdentity(root: FolderNode): void {
  for (const [folder, isKey] of hostKeys) removeChildren(root, folder, isKey);
  for (const path of identities) remove(root, path);
  if (find(root, 'etc')?.kind === 'folder') put(root, MACHINE_ID, noId);
}

/** What both do to single files, for an image that is written before all of it is there. */
export const foreseen: Foresight = {
  changeOf(path) {
    if (shadows.includes(path) || accounts.includes(path)) return bytes => locked(path, bytes);
    const isKey = hostKeys.find(([folder]) => folder === posix.dirname(path))?.[1];
    const goes = path === MACHINE_ID || identities.includes(path) || isKey?.(posix.basename(path)) === true;
    return goes ? () => undefined : undefined;
  },
  adds: [{ path: MACHINE_ID, node: noId }],
};

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

function locked(path: string, bytes: Buffer): Buffer {
  const edit = (fields: readonly string[]): readonly string[] => {
    if (accounts.includes(path)) return withSecond(fields, 'x');
    return withSecond(fields, isLocked(fields[1]) ? (fields[1] ?? '*') : '*');
  };
  const lines = bytes.toString('latin1').split('\n');
  return Buffer.from(lines.map(line => edit(line.split(':')).join(':')).join('\n'), 'latin1');
}

function removeChildren(root: FolderNode, path: string, goes: (name: string) => boolean): void {
  const folder = resolve(root, path);
  if (folder?.kind !== 'folder') return;
  for (const name of [...folder.children.keys()]) if (goes(name)) folder.children.delete(name);
}
