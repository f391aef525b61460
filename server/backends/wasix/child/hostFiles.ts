// The files of a guest as the runtime asks for them: one call at a time, in one thread, over the view of the guest.
import * as fs from 'node:fs';
import { posix } from 'node:path';
import { type GuestTree, TreeError } from '../../kit/guestTree.ts';
import type { OpenMode } from '../../kit/openMode.ts';

/** Folders of the guest that the host stands for, by the numbers under which the runtime asks for them. */
export type HostMounts = ReadonlyMap<number, string>;

/** Calls of one method, with arguments as the runtime gives them. */
export type HostFiles = (mount: number, method: string, args: readonly unknown[]) => unknown;

const LONGEST_READ = 64 * 1024;

/**
 * The runtime takes all names of a folder again for every hundred that a program reads, so that twice as many take four
 * times as long: seconds at this number, minutes at a few times as many, and no program gets there.
 */
export const MOST_NAMES = 20_000;

/** `remark` is for what programs have no error number for. */
export function hostFiles(
  tree: GuestTree,
  mounts: HostMounts,
  remark: (line: string) => void = () => {},
): HostFiles {
  const open = new Map<number, { readonly fd: number; readonly append: boolean }>();
  let next = 1;
  const file = (id: unknown) => open.get(Number(id)) ?? refuse('EBADF', String(id));
  let listed: Listed | undefined;
  return (mount, method, args) => {
    const before = listed;
    listed = undefined;
    const folder = mounts.get(mount) ?? refuse('ENOENT', String(mount));
    const path = (index = 0): string => posix.join(folder, String(args[index] ?? ''));
    switch (method) {
      case 'stat':
        return shown(tree.stat(path()));
      case 'readDir':
        listed = before?.path === path() && isUnchanged(tree, before) ? before : list(tree, path());
        if (listed.names.length > MOST_NAMES) {
          remark(tooMany(listed));
          refuse('EOVERFLOW', path());
        }
        return listed.names;
      case 'open': {
        const [, read, write, create, exclusive, truncate, append] = args.map(Boolean);
        const wish = {
          read: read === true,
          write: write === true,
          append: append === true,
          create: create === true || exclusive === true,
          exclusive: exclusive === true,
          truncate: truncate === true,
        };
        open.set(next, { fd: openAsFarAsAllowed(tree, path(), wish), append: wish.append });
        next += 1;
        return next - 1;
      }
      case 'read': {
        const bytes = Buffer.alloc(Math.min(Number(args[2]), LONGEST_READ));
        return new Uint8Array(
          bytes.subarray(0, fs.readSync(file(args[0]).fd, bytes, 0, bytes.length, Number(args[1]))),
        );
      }
      case 'write': {
        const { fd, append } = file(args[0]);
        const bytes = args[2] instanceof Uint8Array ? args[2] : refuse('EINVAL', 'bytes');
        return fs.writeSync(fd, bytes, 0, bytes.length, append ? null : Number(args[1]));
      }
      case 'setLen':
        return fs.ftruncateSync(file(args[0]).fd, Number(args[1]));
      case 'close': {
        // Closed twice by who drops a file that it had closed.
        const found = open.get(Number(args[0]));
        open.delete(Number(args[0]));
        return found === undefined ? undefined : fs.closeSync(found.fd);
      }
      case 'flush':
      case 'sync':
        return undefined;
      case 'mkdir':
        return tree.makeFolder(path());
      case 'remove':
        return tree.lstat(path()).isDirectory() ? tree.removeFolder(path()) : tree.remove(path());
      case 'rename':
        return tree.rename(path(), path(1));
      default:
        return refuse('ENOTSUP', method);
    }
  };
}

/** The runtime asks to write as well where a program only wants to read. */
function openAsFarAsAllowed(tree: GuestTree, path: string, wish: OpenMode): number {
  try {
    return tree.open(path, wish);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const changes = wish.append === true || wish.truncate === true || wish.exclusive === true;
    if (wish.read !== true || changes || (code !== 'EROFS' && code !== 'EACCES')) throw error;
    return tree.open(path, { read: true });
  }
}

/** A program takes a folder piece by piece, and for each piece the runtime asks for the whole again. */
type Listed = { readonly path: string; readonly changedAt: number; readonly names: readonly Shown[] };

function list(tree: GuestTree, path: string): Listed {
  const changedAt = tree.stat(path).ctimeMs;
  const names = tree
    .list(path)
    .flatMap(({ name, stats }) =>
      stats.isSymbolicLink() ? followed(tree, path, name) : [{ name, ...shown(stats) }],
    );
  return { path, changedAt, names };
}

function tooMany({ path, names }: Listed): string {
  const [found, most] = [names.length, MOST_NAMES].map(count => count.toLocaleString('en-US'));
  return `heyvm: ${path} has ${found} names, and the runtime of this sandbox lists no folder of more than ${most}; use folders within it, or another backend`;
}

function isUnchanged(tree: GuestTree, { path, changedAt }: Listed): boolean {
  return tree.stat(path).ctimeMs === changedAt;
}

type Shown = { readonly name: string; readonly kind: 'directory' | 'file'; readonly size: number };

/** What a link leads to; one that leads nowhere, or out of the view, is not there. */
function followed(tree: GuestTree, folder: string, name: string): Shown[] {
  try {
    return [{ name, ...shown(tree.stat(posix.join(folder, name))) }];
  } catch {
    // The runtime knows no links, so that it would take it for a file.
    return [];
  }
}

function shown(stats: fs.Stats): Omit<Shown, 'name'> {
  return { kind: stats.isDirectory() ? 'directory' : 'file', size: stats.size };
}

function refuse(code: string, what: string): never {
  throw new TreeError(code, what);
}
