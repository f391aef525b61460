// Both sides of files that a branch changed, as read-only documents.
import * as vscode from 'vscode';
import type { Helper } from '../helper.ts';
import { REVIEW_SCHEME } from '../names.ts';

export type Side = {
  readonly cwd: string;
  readonly branch: string;
  /** The commit of the base side; absent for the present state. */
  readonly commit?: string;
};

let shown = 0;

/** Each look has addresses of its own, so that an editor that is still open does not answer for a later one. */
export function nextLook(): number {
  shown += 1;
  return shown;
}

/** The path is what the tab shows and what tells the language; the query is what counts. */
export function reviewUri(side: Side, path: string, look: number): vscode.Uri {
  const query = JSON.stringify({ ...side, look });
  return vscode.Uri.from({ scheme: REVIEW_SCHEME, path: `/${path}`, query });
}

/** A side that does not have the file shows an empty one. */
export class ReviewFiles implements vscode.FileSystemProvider {
  readonly #helper: Helper;

  readonly onDidChangeFile = new vscode.EventEmitter<vscode.FileChangeEvent[]>().event;

  constructor(helper: Helper) {
    this.#helper = helper;
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => {});
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { length } = await this.readFile(uri);
    return {
      type: vscode.FileType.File,
      ctime: 0,
      mtime: 0,
      size: length,
      permissions: vscode.FilePermission.Readonly,
    };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const side = sideOf(uri);
    const { data = '' } = await this.#helper.call('worktree/content', { ...side, path: uri.path.slice(1) });
    return Buffer.from(data, 'base64');
  }

  readDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.FileNotADirectory(uri);
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
}

/** Anybody may open an address; what it asks for is checked by the helper. */
function sideOf(uri: vscode.Uri): Side {
  try {
    const { cwd, branch, commit } = JSON.parse(uri.query) as Partial<Side>;
    if (typeof cwd === 'string' && typeof branch === 'string')
      return { cwd, branch, ...(typeof commit === 'string' ? { commit } : {}) };
  } catch {
    // Said below.
  }
  throw vscode.FileSystemError.FileNotFound(uri);
}
