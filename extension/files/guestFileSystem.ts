// The files of running sandboxes as folders of the editor: heyvm://<sandbox>/<path>, over the helper.
import { posix } from 'node:path';
import * as vscode from 'vscode';
import type { Params, Result } from '../../server/protocol/contract.ts';
import type { FileFacts } from '../../server/protocol/fileMethods.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import { CallFailure } from '../failure.ts';
import type { Helper } from '../helper.ts';
import { WORKSPACE } from '../names.ts';
import type { Sandboxes } from '../sandboxes.ts';
import { FolderWatches } from './folderWatches.ts';
import { realBelow } from './realBelow.ts';

type FileMethod = Extract<keyof HelperContract, `files/${string}`>;

/** An editor holds the whole file in memory, and what a guest sends may have no end. */
const MOST_BYTES = 512 * 1024 * 1024;

export class GuestFileSystem implements vscode.FileSystemProvider, vscode.Disposable {
  readonly #helper: Helper;
  readonly #sandboxes: Sandboxes;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();

  readonly #watches = new FolderWatches(event => this.#changed.fire([event]));

  readonly onDidChangeFile = this.#changed.event;

  constructor(helper: Helper, sandboxes: Sandboxes) {
    this.#helper = helper;
    this.#sandboxes = sandboxes;
  }

  /**
   * Nothing inside tells of changes, but what a sandbox shares with this machine can be watched here: this folder, and
   * those below that the editor reads. Elsewhere changes by others are seen when a folder is read again.
   */
  watch(uri: vscode.Uri): vscode.Disposable {
    this.#follow(uri);
    return new vscode.Disposable(() => {});
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { facts } = await this.#ask('files/stat', uri, {});
    if (facts === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    return statOf(facts);
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    const { entries } = await this.#ask('files/list', uri, {});
    this.#follow(uri);
    return entries.map(entry => [entry.name, typeOf(entry)]);
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    for (let offset = 0; ; ) {
      const { data, end } = await this.#ask('files/read', uri, { offset });
      const part = Buffer.from(data, 'base64');
      parts.push(part);
      offset += part.length;
      if (end || part.length === 0) return Buffer.concat(parts);
      if (offset >= MOST_BYTES)
        throw vscode.FileSystemError.Unavailable(
          `${uri.path} is too large for an editor; copy it out of the sandbox`,
        );
    }
  }

  async writeFile(
    uri: vscode.Uri,
    content: Uint8Array,
    { create, overwrite }: { readonly create: boolean; readonly overwrite: boolean },
  ): Promise<void> {
    const { facts } = await this.#ask('files/stat', uri, {});
    if (facts === undefined && !create) throw vscode.FileSystemError.FileNotFound(uri);
    if (facts !== undefined && create && !overwrite) throw vscode.FileSystemError.FileExists(uri);
    if (facts?.kind === 'folder') throw vscode.FileSystemError.FileIsADirectory(uri);
    await this.#ask('files/write', uri, { data: Buffer.from(content).toString('base64') });
    this.#tell(facts === undefined ? vscode.FileChangeType.Created : vscode.FileChangeType.Changed, uri);
  }

  async createDirectory(uri: vscode.Uri): Promise<void> {
    const { facts } = await this.#ask('files/stat', uri, {});
    if (facts !== undefined) throw vscode.FileSystemError.FileExists(uri);
    await this.#ask('files/folder', uri, {});
    this.#tell(vscode.FileChangeType.Created, uri);
  }

  async delete(uri: vscode.Uri, { recursive }: { readonly recursive: boolean }): Promise<void> {
    await this.#ask('files/remove', uri, { recursive });
    this.#tell(vscode.FileChangeType.Deleted, uri);
  }

  async rename(
    from: vscode.Uri,
    to: vscode.Uri,
    { overwrite }: { readonly overwrite: boolean },
  ): Promise<void> {
    if (from.authority !== to.authority)
      throw vscode.FileSystemError.Unavailable('files are copied, not moved, between sandboxes');
    const { facts } = await this.#ask('files/stat', to, {});
    if (facts !== undefined && !overwrite) throw vscode.FileSystemError.FileExists(to);
    if (facts !== undefined) await this.#ask('files/remove', to, { recursive: true });
    await this.#ask('files/rename', from, { to: to.path });
    this.#tell(vscode.FileChangeType.Deleted, from);
    this.#tell(vscode.FileChangeType.Created, to);
  }

  dispose(): void {
    this.#watches.dispose();
    this.#changed.dispose();
  }

  #follow(uri: vscode.Uri): void {
    const folder = this.#onHost(uri);
    if (folder !== undefined) this.#watches.follow(uri, folder);
  }

  #tell(type: vscode.FileChangeType, uri: vscode.Uri): void {
    this.#changed.fire([{ type, uri }]);
  }

  async #ask<M extends Exclude<FileMethod, 'files/copy'>>(
    method: M,
    uri: vscode.Uri,
    more: Omit<Params<HelperContract, M>, 'sandbox' | 'path'>,
  ): Promise<Result<HelperContract, M>> {
    try {
      const params = { sandbox: uri.authority, path: posix.normalize(uri.path), ...more };
      return await this.#helper.call(method, params as Params<HelperContract, M>);
    } catch (error) {
      throw fileSystemError(error, uri);
    }
  }

  #onHost({ authority, path }: vscode.Uri): string | undefined {
    const sandbox = this.#sandboxes.all.find(({ name, id }) => name === authority || id === authority);
    if (sandbox === undefined || sandbox.workspace.mode === 'copy') return undefined;
    const inside = posix.relative(WORKSPACE, posix.normalize(path));
    return inside.startsWith('..') ? undefined : realBelow(sandbox.workspace.path, inside);
  }
}

function statOf(facts: FileFacts): vscode.FileStat {
  const isReadonly = facts.kind === 'file' && (facts.mode & 0o222) === 0;
  return {
    type: typeOf(facts),
    ctime: facts.modified_at,
    mtime: facts.modified_at,
    size: facts.size,
    ...(isReadonly ? { permissions: vscode.FilePermission.Readonly } : {}),
  };
}

function typeOf({ kind, leads_to }: FileFacts): vscode.FileType {
  const types = {
    file: vscode.FileType.File,
    folder: vscode.FileType.Directory,
    other: vscode.FileType.Unknown,
  };
  if (kind !== 'link') return types[kind];
  return vscode.FileType.SymbolicLink | (leads_to === undefined ? vscode.FileType.Unknown : types[leads_to]);
}

/** The editor knows what to do about some failures; the rest it shows in our words. */
function fileSystemError(error: unknown, uri: vscode.Uri): unknown {
  if (!(error instanceof CallFailure)) return error;
  const words = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
  switch (error.code) {
    case 'path-not-found':
      return vscode.FileSystemError.FileNotFound(uri);
    case 'storage':
      return vscode.FileSystemError.NoPermissions(words);
    case 'internal':
      return error;
    default:
      return vscode.FileSystemError.Unavailable(words);
  }
}
