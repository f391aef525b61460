// Reads from two files of /proc where control groups could be made for a guest, without touching any.
import { dirname, join, relative } from 'node:path/posix';

export type Controller = 'memory' | 'pids' | 'cpu';

export type Version = 1 | 2;

export type Candidate = {
  readonly version: Version;
  readonly folder: string;
  readonly controllers: readonly Controller[];
};

/**
 * The best first. Groups are made at or above our own place, so that limits that bound us bound guests too.
 * In version 2 a group with processes cannot have children with controllers, so the places above come first.
 */
export function candidatesOf(text: { own: string; mounts: string }): readonly Candidate[] {
  const places = parseOwn(text.own);
  const mounts = parseMounts(text.mounts);
  return [
    ...controllers.flatMap(controller => firstVersion(controller, places, mounts)),
    ...secondVersion(places, mounts),
  ];
}

const controllers: readonly Controller[] = ['memory', 'pids', 'cpu'];

type Place = { readonly names: readonly string[]; readonly path: string };

type MountPoint = {
  readonly type: string;
  readonly root: string;
  readonly folder: string;
  readonly options: readonly string[];
};

function firstVersion(
  controller: Controller,
  places: readonly Place[],
  mounts: readonly MountPoint[],
): Candidate[] {
  const place = places.find(({ names }) => names.includes(controller));
  const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
  if (place === undefined || mount === undefined) return [];
  return [{ version: 1, folder: folderOf(place, mount), controllers: [controller] }];
}

function secondVersion(places: readonly Place[], mounts: readonly MountPoint[]): Candidate[] {
  const place = places.find(({ names }) => names.length === 0);
  const mount = mounts.find(({ type }) => type === 'cgroup2');
  if (place === undefined || mount === undefined) return [];
  const own = folderOf(place, mount);
  const folders = own === mount.folder ? [own] : above(own, mount.folder);
  return folders.map(folder => ({ version: 2, folder, controllers }));
}

function above(folder: string, top: string): string[] {
  const parent = dirname(folder);
  return parent === top ? [parent] : [parent, ...above(parent, top)];
}

/** A mount may show only a part of the tree; a place outside of it shows as its root. */
function folderOf(place: Place, mount: MountPoint): string {
  const below = relative(mount.root, place.path);
  return below.startsWith('..') ? mount.folder : join(mount.folder, below);
}

function parseOwn(text: string): Place[] {
  return lines(text).map(line => {
    const [, names = '', ...path] = line.split(':');
    return { names: names === '' ? [] : names.split(','), path: path.join(':') };
  });
}

function parseMounts(text: string): MountPoint[] {
  return lines(text).flatMap(line => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '/', folder = ''] = before.split(' ');
    const [type = '', , options = ''] = after.split(' ');
    return type.startsWith('cgroup')
      ? [{ type, root: plain(root), folder: plain(folder), options: options.split(',') }]
      : [];
  });
}

function lines(text: string): string[] {
  return text.split('\n').filter(line => line !== '');
}

/** Spaces and the like are written as octal escapes. */
function plain(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
