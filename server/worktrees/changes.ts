// Which files a branch changed, read from what git tells for programs.
import { type ChangedFile, MOST_CHANGED_FILES } from '../protocol/reviewMethods.ts';
import { diffOf } from './diff.ts';
import type { Host } from './hostGit.ts';
import type { Inside } from './inside.ts';
import type { Target } from './status.ts';

export type Changes = { readonly base: string; readonly files: ChangedFile[]; readonly left_out: number };

export async function changesOf(
  host: Host,
  target: Target,
  base: string | undefined,
  inside: Inside | undefined,
): Promise<Changes> {
  const diff = await diffOf(host, target, { base, format: 'files' }, inside);
  const files = changedFiles(diff.patch);
  const shown = files.slice(0, MOST_CHANGED_FILES);
  return { base: diff.base, files: shown, left_out: files.length - shown.length };
}

type Kind = ChangedFile['kind'];

const kinds: Readonly<Record<string, Kind>> = {
  A: 'added',
  C: 'added',
  D: 'deleted',
  M: 'modified',
  R: 'renamed',
  T: 'type-changed',
};

type Lines = Pick<ChangedFile, 'binary' | 'added' | 'removed'>;

/** Reads `--raw --numstat -z`: first what happened to each file, then how many lines it concerned. */
export function changedFiles(text: string): ChangedFile[] {
  const fields = text.split('\0');
  const found: Omit<ChangedFile, keyof Lines>[] = [];
  const lines = new Map<string, Lines>();
  for (let at = 0; at < fields.length; ) {
    const field = fields[at] ?? '';
    const first = fields[at + 1] ?? '';
    const second = fields[at + 2] ?? '';
    const status = /^:\d+ \d+ [0-9a-f]+ [0-9a-f]+ ([A-Z])\d*$/.exec(field)?.[1];
    const counts = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(field);
    if (status === 'R' || status === 'C') {
      found.push({
        path: second,
        kind: kinds[status] ?? 'modified',
        ...(status === 'R' ? { from: first } : {}),
      });
      at += 3;
    } else if (status !== undefined) {
      found.push({ path: first, kind: kinds[status] ?? 'modified' });
      at += 2;
    } else if (counts !== null) {
      // An empty name says that the old and the new one follow.
      const renamed = counts[3] === '';
      lines.set(renamed ? second : (counts[3] ?? ''), linesOf(counts[1] ?? '-', counts[2] ?? '-'));
      at += renamed ? 3 : 1;
    } else {
      at += 1;
    }
  }
  return found.map(file => ({ ...file, ...(lines.get(file.path) ?? { binary: false }) }));
}

function linesOf(added: string, removed: string): Lines {
  if (added === '-') return { binary: true };
  return { binary: false, added: Number(added), removed: Number(removed) };
}
