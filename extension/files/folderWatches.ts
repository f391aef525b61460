// Watches the folders of this machine that the editor has read, each for itself: a guest may make a tree without end.
import { type FSWatcher, lstatSync, watch } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';

/** The folders that were read last; the editor reads a folder again when somebody opens it. */
const MOST = 256;

export class FolderWatches implements vscode.Disposable {
  readonly #tell: (event: vscode.FileChangeEvent) => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(tell: (event: vscode.FileChangeEvent) => void) {
    this.#tell = tell;
  }

  /** `folder` is where the folder at `uri` is on this machine. */
  follow(uri: vscode.Uri, folder: string): void {
    const key = uri.toString();
    const known = this.#watchers.get(key);
    if (known !== undefined) {
      // The one that is read most often is the last to go.
      this.#watchers.delete(key);
      this.#watchers.set(key, known);
      return;
    }
    const watcher = this.#open(uri, folder);
    if (watcher === undefined) return;
    watcher.on('error', () => this.#close(key));
    this.#watchers.set(key, watcher);
    for (const old of this.#watchers.keys()) {
      if (this.#watchers.size <= MOST) break;
      this.#close(old);
    }
  }

  dispose(): void {
    for (const key of [...this.#watchers.keys()]) this.#close(key);
  }

  #open(uri: vscode.Uri, folder: string): FSWatcher | undefined {
    try {
      return watch(folder, { persistent: false }, (event, name) => {
        if (name === null) return;
        const type = event === 'change' ? vscode.FileChangeType.Changed : comeOrGone(join(folder, name));
        this.#tell({ type, uri: vscode.Uri.joinPath(uri, name) });
      });
    } catch {
      // A folder that has gone meanwhile is told by whoever reads it next.
      return undefined;
    }
  }

  #close(key: string): void {
    this.#watchers.get(key)?.close();
    this.#watchers.delete(key);
  }
}

function comeOrGone(path: string): vscode.FileChangeType {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
    ? vscode.FileChangeType.Deleted
    : vscode.FileChangeType.Created;
}
