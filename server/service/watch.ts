// Pushes changes of sandboxes: those that are written, and the death of owners who could write nothing.
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { connectOwner, type OwnerConnection } from '../owner/connect.ts';
import { makeFolder } from '../platform/files.ts';
import { PROTOCOL } from '../protocol/version.ts';
import type { Paths } from '../store/paths.ts';
import { type Entry, listRecords } from '../store/sandboxes.ts';

/** One operation writes several files; who listens needs to hear of it once. */
const QUIET_MS = 20;

/** Calls back after every change, from whichever process, until it is disposed. */
export function watchStore(paths: Paths, onChange: () => void): { dispose(): void } {
  const owners = watchOwners(() => changed());
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const changed = (): void => {
    if (over || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      onChange();
      void refresh();
    }, QUIET_MS);
  };
  const refresh = async (): Promise<void> => {
    const { entries } = await listRecords(paths);
    if (!over) owners.follow(entries);
  };
  const files = watchFile(paths.changed, changed);
  void refresh();
  return {
    dispose: () => {
      over = true;
      clearTimeout(timer);
      files.close();
      owners.dispose();
    },
  };
}

function watchFile(path: string, onChange: () => void): FSWatcher {
  const folder = dirname(path);
  makeFolder(folder);
  const watcher = watch(folder, { persistent: false }, (_event, name) => {
    if (name === null || name === basename(path)) onChange();
  });
  // The folder was removed: what there is to hear then comes with the next watch.
  watcher.on('error', () => watcher.close());
  return watcher;
}

/** An open connection ends with its owner, however that dies; a file would not. */
function watchOwners(onEnd: () => void): { follow(entries: readonly Entry[]): void; dispose(): void } {
  const followed = new Map<string, OwnerConnection>();
  const keyOf = ({ record, owner }: Entry): string => `${record.id}:${owner?.pid}:${owner?.start_ticks}`;
  const followOne = async (key: string, connection: OwnerConnection): Promise<void> => {
    try {
      await connection.closed();
    } catch {
      // It ended before it could be reached, or speaks another version; its files tell the rest.
    }
    connection.close();
    if (followed.get(key) === connection) onEnd();
  };
  return {
    follow: entries => {
      const running = new Map(
        entries.filter(({ owner }) => owner !== undefined).map(entry => [keyOf(entry), entry]),
      );
      for (const [key, connection] of followed) {
        if (running.has(key)) continue;
        followed.delete(key);
        connection.close();
      }
      for (const [key, entry] of running) {
        if (followed.has(key) || !speaksOurVersion(entry)) continue;
        const connection = connectOwner(entry);
        followed.set(key, connection);
        void followOne(key, connection);
      }
    },
    dispose: () => {
      const open = [...followed.values()];
      followed.clear();
      for (const connection of open) connection.close();
    },
  };
}

function speaksOurVersion({ owner }: Entry): boolean {
  return owner?.protocol.major === PROTOCOL.major;
}
