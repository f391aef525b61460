// Notices when a file that a guest may only read is replaced on the host, because its mount inside goes with it.
import { type FSWatcher, lstatSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { coveringMount } from '../core/launch.ts';
import type { Mount } from '../protocol/sandbox.ts';

export type MountGuard = {
  /** Each file that is watched, with what tells it from one that took its place. */
  readonly marks: Readonly<Record<string, string>>;
  dispose(): void;
};

export type Guarded = {
  readonly mounts: readonly Mount[];
  /** The marks of an earlier guard of the same guest, which count more than what is there now. */
  readonly known?: Readonly<Record<string, string>> | undefined;
  /** Called at most once, with the path on the host. */
  readonly onReplaced: (path: string) => void;
  readonly log: (line: string) => void;
};

/** Costs nothing while nothing happens. */
export function guardMounts({ mounts, known, onReplaced, log }: Guarded): MountGuard {
  const watchers: FSWatcher[] = [];
  const marks = known === undefined ? readOnlyFiles(mounts) : new Map(Object.entries(known));
  const dispose = (): void => {
    for (const watcher of watchers.splice(0)) watcher.close();
  };
  for (const [folder, files] of byFolder(marks)) {
    const look = (name: string | null): void => {
      const gone = [...files].find(([path, mark]) => {
        return (name === null || basename(path) === name) && markOf(path)?.id !== mark;
      });
      if (gone === undefined) return;
      dispose();
      onReplaced(gone[0]);
    };
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => look(name));
      watcher.on('error', () => look(null));
      watchers.push(watcher);
    } catch (error) {
      // The system has a limit for watchers; the guest is none the worse off for it, but nobody would notice.
      log(`cannot watch ${folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
    // What was replaced before the watch began made no event.
    look(null);
  }
  return { marks: Object.fromEntries(marks), dispose };
}

/** A folder that is replaced keeps its mount's content read-only; only a file has a parent that is writable inside. */
function readOnlyFiles(mounts: readonly Mount[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [index, mount] of mounts.entries()) {
    if (mount.mode !== 'ro' || markOf(mount.source)?.kind !== 'file') continue;
    for (const path of [mount.source, ...covered(mounts.slice(0, index), mount)]) {
      const mark = markOf(path);
      if (mark?.kind === 'file') found.set(path, mark.id);
    }
  }
  return found;
}

/** What the guest could write, were the mount gone: it goes when this is replaced. */
function covered(earlier: readonly Mount[], { target }: Mount): string[] {
  const below = coveringMount(earlier, target);
  return below?.mode === 'rw' ? [below.source + target.slice(below.target.length)] : [];
}

function byFolder(files: ReadonlyMap<string, string>): Map<string, Map<string, string>> {
  const folders = new Map<string, Map<string, string>>();
  for (const [path, mark] of files) {
    const folder = dirname(path);
    const known = folders.get(folder) ?? new Map<string, string>();
    folders.set(folder, known.set(path, mark));
  }
  return folders;
}

function markOf(path: string): { kind: 'file' | 'other'; id: string } | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return { kind: stat.isFile() ? 'file' : 'other', id: `${stat.dev}:${stat.ino}` };
}
