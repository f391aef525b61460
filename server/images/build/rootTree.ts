// A root file system in memory: names, owners, modes, links and where each file's bytes are.
import { fail } from '../../core/errors.ts';

/** Names and targets are the raw bytes, one character each, because a Linux name need not be text. */
export type Meta = {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds. */
  readonly mtime: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
};

/** Where a file's bytes are: in memory, or a part of a file of this machine. */
export type Content =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'part'; readonly path: string; readonly offset: number; readonly size: number };

export type FileNode = { readonly kind: 'file'; readonly meta: Meta; readonly content: Content };
export type FolderNode = { readonly kind: 'folder'; meta: Meta; readonly children: Map<string, Node> };
export type LinkNode = { readonly kind: 'symlink'; readonly meta: Meta; readonly target: string };
export type DeviceNode = {
  readonly kind: 'char' | 'block';
  readonly meta: Meta;
  readonly major: number;
  readonly minor: number;
};
export type PipeNode = { readonly kind: 'fifo'; readonly meta: Meta };

/** A hard link is the same node under a second name. */
export type Node = FileNode | FolderNode | LinkNode | DeviceNode | PipeNode;

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

export function metaOf(mode: number, mtime = 0): Meta {
  return { mode, uid: 0, gid: 0, mtime, xattrs: NO_XATTRS };
}

export function newRoot(): FolderNode {
  return { kind: 'folder', meta: metaOf(0o755), children: new Map() };
}

export function fileOf(bytes: Buffer | string, mode = 0o644): FileNode {
  return { kind: 'file', meta: metaOf(mode), content: { kind: 'bytes', bytes: Buffer.from(bytes) } };
}

export function sizeOf(content: Content): number {
  return content.kind === 'bytes' ? content.bytes.length : content.size;
}

/** The steps of a path; refuses what could lead out of the root. */
export function stepsOf(path: string): readonly string[] {
  const steps = path.split('/').filter(step => step !== '' && step !== '.');
  if (steps.includes('..')) refuse(path, 'leads out of the root file system');
  if (path.includes('\0')) refuse(path, 'has a zero byte');
  if (steps.some(step => step.length > 255)) refuse(path, 'has a name of more than 255 bytes');
  return steps;
}

/** Puts a node at a path, through links as a program inside would; a file there before is replaced. */
export function put(root: FolderNode, path: string, node: Node): void {
  const steps = stepsOf(path);
  const name = steps.at(-1);
  if (name === undefined) {
    if (node.kind !== 'folder') refuse(path, 'puts something that is no folder at the root');
    root.meta = node.meta;
    return;
  }
  const parent = folderAt(root, steps.slice(0, -1));
  const before = parent.children.get(name);
  if (before?.kind === 'folder' && node.kind === 'folder') {
    before.meta = node.meta;
    return;
  }
  if (before?.kind === 'folder' && before.children.size > 0)
    refuse(path, 'replaces a folder that is not empty');
  parent.children.set(name, node);
}

/** What is at a path, following links on the way to it but not at its end. */
export function find(root: FolderNode, path: string): Node | undefined {
  const steps = stepsOf(path);
  const name = steps.at(-1);
  if (name === undefined) return root;
  const parent = walk(root, steps.slice(0, -1), () => undefined);
  return parent?.children.get(name);
}

/** What is at a path, following links at its end as well. */
export function resolve(root: FolderNode, path: string): Node | undefined {
  let steps = [...stepsOf(path)];
  for (let links = 0; links < LINK_LIMIT; links += 1) {
    const folder = walk(root, steps, () => undefined);
    if (folder !== undefined) return folder;
    const parent = walk(root, steps.slice(0, -1), () => undefined);
    const node = parent?.children.get(steps.at(-1) ?? '');
    if (node?.kind !== 'symlink') return node;
    steps = targetSteps(steps.slice(0, -1), node.target);
  }
  return undefined;
}

export function remove(root: FolderNode, path: string): void {
  const steps = stepsOf(path);
  walk(root, steps.slice(0, -1), () => undefined)?.children.delete(steps.at(-1) ?? '');
}

export type Visit = (path: string, node: Node) => void;

/** Every node but the root, folders before what is in them, names in the order of their bytes. */
export function eachNode(root: FolderNode, visit: Visit): void {
  const waiting: [string, Node][] = sorted(root, '');
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [path, node] = next;
    visit(path, node);
    if (node.kind === 'folder') waiting.push(...sorted(node, `${path}/`));
  }
}

function sorted(folder: FolderNode, prefix: string): [string, Node][] {
  const names = [...folder.children].sort(([a], [b]) => (a < b ? 1 : -1));
  return names.map(([name, node]) => [prefix + name, node]);
}

const LINK_LIMIT = 40;

/** The folder at these steps, made where there is none yet. */
function folderAt(root: FolderNode, steps: readonly string[]): FolderNode {
  const found = walk(root, steps, (parent, name) => {
    const made: FolderNode = { kind: 'folder', meta: metaOf(0o755), children: new Map() };
    parent.children.set(name, made);
    return made;
  });
  return found ?? refuse(steps.join('/'), 'leads through something that is no folder');
}

type OnAbsent = (parent: FolderNode, name: string) => FolderNode | undefined;

/** Follows links inside the root, where `..` stops at the top, as it would for a program inside. */
function walk(root: FolderNode, steps: readonly string[], onAbsent: OnAbsent): FolderNode | undefined {
  let waiting = [...steps];
  let done: string[] = [];
  let trail: FolderNode[] = [root];
  let links = 0;
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    if (step === '..') {
      done.pop();
      if (trail.length > 1) trail.pop();
      continue;
    }
    const here = trail.at(-1) ?? root;
    const next = here.children.get(step) ?? onAbsent(here, step);
    if (next === undefined) return undefined;
    if (next.kind === 'symlink') {
      links += 1;
      if (links > LINK_LIMIT) return undefined;
      waiting = [...targetSteps(done, next.target), ...waiting];
      done = [];
      trail = [root];
      continue;
    }
    if (next.kind !== 'folder') return undefined;
    done.push(step);
    trail.push(next);
  }
  return trail.at(-1);
}

function targetSteps(from: readonly string[], target: string): string[] {
  const steps = target.split('/').filter(step => step !== '' && step !== '.');
  return target.startsWith('/') ? steps : [...from, ...steps];
}

function refuse(path: string, why: string): never {
  fail('image-broken', `the archive's entry ${JSON.stringify(path.slice(0, 200))} ${why}`, {
    hint: 'make the archive again; it is damaged, or was made to do harm',
  });
}
