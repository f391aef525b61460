// Files of the host as a guest sees them that has no kernel of its own: folders at their places, and nothing else.
//
// Every path is one of the guest's, absolute. It is walked part by part over the mounts, links are followed inside
// this view alone, as a kernel does over bind mounts, and what is opened in the end is opened without following a
// link. On Linux the folder that something happens in is held open and looked at again first, so that nobody can
// put a link into the way meanwhile.
import * as fs from 'node:fs';
import { posix } from 'node:path';
import type { Mount } from '../../protocol/sandbox.ts';
import type { WantedAttributes } from '../../sftp/packet.ts';
import { inFolder } from './heldFolder.ts';
import { flagsOf, type OpenMode } from './openMode.ts';

/** With the code by which systems call it, such as `ENOENT`. */
export class TreeError extends Error {
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

export type Named = { readonly name: string; readonly stats: fs.Stats };

/** A place of the guest: what stands for it on the host, or a folder that is only there because mounts lie below it. */
type Place =
  | { readonly kind: 'above mounts'; readonly path: string }
  | {
      readonly kind: 'host';
      readonly path: string;
      readonly host: string;
      readonly writable: boolean;
      /** The point of a mount, or a folder on the way to one; such a name stays what it is. */
      readonly pinned: boolean;
      /** Its name may lead elsewhere on the host: the sources of mounts are trusted, and what lies below is not. */
      readonly isSource: boolean;
    };

type HostPlace = Extract<Place, { kind: 'host' }>;

const MOST_LINKS = 40;

/** Whom files belong to that are made through a tree, where that is not whoever makes them. */
export type TreeOwner = { readonly uid: number; readonly gid: number };

export class GuestTree {
  readonly #mounts: readonly Mount[];
  readonly #owner: TreeOwner | undefined;

  /** Later mounts lie over earlier ones. */
  constructor(mounts: readonly Mount[], owner?: TreeOwner) {
    this.#owner = owner;
    this.#mounts = mounts.map(mount => ({ ...mount, source: fs.realpathSync.native(mount.source) }));
  }

  stat(path: string): fs.Stats {
    return this.#statsOf(this.#locate(path, 'all'));
  }

  lstat(path: string): fs.Stats {
    return this.#statsOf(this.#locate(path, 'all but the last'));
  }

  /** What is neither a file, a folder nor a link is left out. */
  list(path: string): readonly Named[] {
    const place = this.#locate(path, 'all');
    const found = new Map<string, fs.Stats>();
    if (place.kind === 'host') {
      // Held once for all of them: a program may read a folder again and again, a part of it at a time.
      inFolder(place.host, at => {
        const folder = at('.');
        for (const name of fs.readdirSync(folder))
          add(found, name, () => asShown(place, fs.lstatSync(`${folder}/${name}`)));
      });
    }
    for (const name of this.#pointsIn(place.path))
      add(found, name, () => this.stat(posix.join(place.path, name)));
    return [...found].map(([name, stats]) => ({ name, stats }));
  }

  /** A descriptor of a regular file; the caller closes it. */
  open(path: string, mode: OpenMode, permissions = 0o644): number {
    const place = this.#host(path, 'all');
    const writes = mode.write === true || mode.append === true || mode.truncate === true;
    if ((writes || mode.create === true) && !place.writable) {
      // Something that is there may still be read by whoever would have made it.
      if (writes || fs.lstatSync(place.host, { throwIfNoEntry: false }) === undefined) refuse('EROFS', path);
    }
    const flags = flagsOf({ ...mode, create: mode.create === true && place.writable });
    const file = this.#at(place, host => {
      const isNew = mode.create === true && fs.lstatSync(host, { throwIfNoEntry: false }) === undefined;
      const opened = fs.openSync(host, flags, permissions & 0o777);
      if (isNew && this.#owner !== undefined) fs.fchownSync(opened, this.#owner.uid, this.#owner.gid);
      return opened;
    });
    try {
      const stats = fs.fstatSync(file);
      if (!stats.isFile()) refuse(stats.isDirectory() ? 'EISDIR' : 'EACCES', path);
      if (mode.truncate === true) fs.ftruncateSync(file);
      return file;
    } catch (error) {
      fs.closeSync(file);
      throw error;
    }
  }

  makeFolder(path: string, permissions = 0o755): void {
    const place = this.#changeable(path);
    this.#at(place, host => {
      fs.mkdirSync(host, { mode: permissions & 0o777 });
      this.#give(host);
    });
  }

  remove(path: string): void {
    const place = this.#changeable(path);
    this.#at(place, host => fs.unlinkSync(host));
  }

  removeFolder(path: string): void {
    const place = this.#changeable(path);
    this.#at(place, host => fs.rmdirSync(host));
  }

  rename(from: string, to: string): void {
    const source = this.#changeable(from);
    const target = this.#changeable(to);
    this.#at(source, host => this.#at(target, other => fs.renameSync(host, other)));
  }

  readLink(path: string): string {
    const place = this.#host(path, 'all but the last');
    return this.#at(place, host => fs.readlinkSync(host));
  }

  makeLink(path: string, target: string): void {
    const place = this.#changeable(path);
    this.#at(place, host => {
      fs.symlinkSync(target, host);
      this.#give(host);
    });
  }

  /** A second name for a file; both in folders that may be written to. */
  link(from: string, to: string): void {
    const source = this.#changeable(from);
    const target = this.#changeable(to);
    this.#at(source, host => this.#at(target, other => fs.linkSync(host, other)));
  }

  /** Of what is there itself, also when it is a link; in seconds. */
  setTimes(path: string, { accessed, modified }: NonNullable<WantedAttributes['times']>): void {
    const place = this.#host(path, 'all but the last');
    if (!place.writable) refuse('EROFS', path);
    this.#at(place, host => fs.lutimesSync(host, accessed, modified));
  }

  setFolder(path: string, { mode, times }: WantedAttributes): void {
    const place = this.#host(path, 'all');
    if (!place.writable) refuse('EROFS', path);
    const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0 } = fs.constants;
    const folder = this.#at(place, host => fs.openSync(host, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    try {
      if (mode !== undefined) fs.fchmodSync(folder, mode & 0o777);
      if (times !== undefined) fs.futimesSync(folder, times.accessed, times.modified);
    } finally {
      fs.closeSync(folder);
    }
  }

  /** Where a path leads once all links are followed. */
  realPath(path: string): string {
    return this.#locate(path, 'all').path;
  }

  #statsOf(place: Place): fs.Stats {
    // Any folder does for one that is not there: it says that it is one, and nobody may write to it.
    if (place.kind === 'above mounts') return readOnly(fs.lstatSync(this.#mounts[0]?.source ?? '/'));
    return asShown(
      place,
      this.#at(place, host => fs.lstatSync(host)),
    );
  }

  #host(path: string, follow: Follow): HostPlace {
    const place = this.#locate(path, follow);
    return place.kind === 'host' ? place : refuse('EISDIR', path);
  }

  /** Something in a folder that may be written to, and that no mount needs. */
  #changeable(path: string): HostPlace {
    const place = this.#locate(path, 'all but the last');
    if (place.kind !== 'host' || !place.writable) return refuse('EROFS', path);
    return place.pinned ? refuse('EPERM', path) : place;
  }

  #give(host: string): void {
    if (this.#owner !== undefined) fs.lchownSync(host, this.#owner.uid, this.#owner.gid);
  }

  #at<T>(place: HostPlace, act: (host: string) => T): T {
    if (place.isSource) return act(place.host);
    return inFolder(posix.dirname(place.host), at => act(at(posix.basename(place.host))));
  }

  #locate(path: string, follow: Follow): Place {
    if (!path.startsWith('/') || path.includes('\0')) refuse('EINVAL', path);
    const waiting = path.split('/');
    let place = this.#placeOf('/');
    let links = 0;
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      if (part === '' || part === '.') continue;
      const isLast = waiting.every(rest => rest === '' || rest === '.');
      const next = this.#placeOf(posix.join(place.path, part));
      if (next.kind === 'host' && !next.isSource) {
        const stats = fs.lstatSync(next.host, { throwIfNoEntry: false });
        if (
          stats?.isSymbolicLink() === true &&
          !(isLast && follow === 'all but the last' && waiting.length === 0)
        ) {
          links += 1;
          if (links > MOST_LINKS) refuse('ELOOP', path);
          const target = fs.readlinkSync(next.host);
          if (target.startsWith('/')) place = this.#placeOf('/');
          waiting.unshift(...target.split('/'));
          continue;
        }
        if (!isLast && stats === undefined) refuse('ENOENT', path);
        if (!isLast && stats?.isDirectory() === false) refuse('ENOTDIR', path);
      }
      place = next;
    }
    return place;
  }

  #placeOf(path: string): Place {
    const mount = this.#mounts.findLast(({ target }) => isWithin(path, target));
    const leads = this.#mounts.some(({ target }) => target !== path && isWithin(target, path));
    if (mount === undefined)
      return leads || path === '/' ? { kind: 'above mounts', path } : refuse('ENOENT', path);
    const isSource = path === mount.target;
    return {
      kind: 'host',
      path,
      host: isSource ? mount.source : posix.join(mount.source, posix.relative(mount.target, path)),
      writable: mount.mode === 'rw',
      pinned: isSource || leads,
      isSource,
    };
  }

  /** Names in a folder that are there because of mounts. */
  #pointsIn(path: string): readonly string[] {
    const below = this.#mounts.filter(({ target }) => target !== path && isWithin(target, path));
    return below.map(({ target }) => posix.relative(path, target).split('/')[0] ?? '');
  }
}

type Follow = 'all' | 'all but the last';

function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

function add(found: Map<string, fs.Stats>, name: string, look: () => fs.Stats): void {
  try {
    const stats = look();
    if (stats.isFile() || stats.isDirectory() || stats.isSymbolicLink()) found.set(name, stats);
  } catch {
    // It vanished between the two looks.
  }
}

function asShown({ writable }: HostPlace, stats: fs.Stats): fs.Stats {
  return writable ? stats : readOnly(stats);
}

function readOnly(stats: fs.Stats): fs.Stats {
  stats.mode &= ~0o222;
  return stats;
}

function refuse(code: string, path: string): never {
  throw new TreeError(code, path);
}
