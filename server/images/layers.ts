// Lays the layers of a container image over each other, with what the upper ones take away.
import { type FolderNode, metaOf, type Node, resolve } from './build/rootTree.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** Changes `lower`; the upper layer is used up. */
export function applyLayer(lower: FolderNode, upper: FolderNode): void {
  lower.meta = isImplied(upper) ? lower.meta : upper.meta;
  merge({ root: lower, lower, upper });
}

type Pair = { readonly root: FolderNode; readonly lower: FolderNode; readonly upper: FolderNode };

/** Without recursion, for an archive decides how deep it goes. */
function merge(first: Pair): void {
  const waiting = [first];
  for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
    const { root, lower, upper } = pair;
    takeAway(lower, upper);
    for (const [name, node] of upper.children) {
      if (name.startsWith(WHITEOUT)) continue;
      const below = folderBelow(root, lower.children.get(name), node);
      if (node.kind !== 'folder' || below === undefined) {
        lower.children.set(name, node);
        // What is new as a whole can still hold marks, which mean nothing there.
        if (node.kind === 'folder') waiting.push({ root, lower: node, upper: withoutChildren(node) });
        continue;
      }
      if (!isImplied(node)) below.meta = node.meta;
      waiting.push({ root, lower: below, upper: node });
    }
  }
}

/** Takes what was there out of a folder, so that it can be laid over it again without its marks. */
function withoutChildren(node: FolderNode): FolderNode {
  const upper: FolderNode = { kind: 'folder', meta: node.meta, children: new Map(node.children) };
  node.children.clear();
  return upper;
}

function takeAway(lower: FolderNode, upper: FolderNode): void {
  if (upper.children.has(OPAQUE)) lower.children.clear();
  for (const name of upper.children.keys()) {
    if (name.startsWith(WHITEOUT) && name !== OPAQUE) lower.children.delete(name.slice(WHITEOUT.length));
  }
}

/**
 * The folder that an upper one is laid over. A layer that only says `bin/tool` means the folder that `bin` is, also
 * where that is a link; one that says `bin` itself as a folder replaces the link.
 */
function folderBelow(root: FolderNode, before: Node | undefined, node: Node): FolderNode | undefined {
  if (before?.kind === 'folder') return before;
  if (before?.kind !== 'symlink' || node.kind !== 'folder' || !isImplied(node)) return undefined;
  const target = resolve(root, before.target);
  return target?.kind === 'folder' ? target : undefined;
}

const impliedXattrs = metaOf(0o755).xattrs;

/** A folder that was only made because something in it was named; every folder with a header has attributes of its own. */
function isImplied(node: FolderNode): boolean {
  return node.meta.xattrs === impliedXattrs;
}
