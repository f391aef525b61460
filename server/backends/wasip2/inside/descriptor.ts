// Descriptors of `wasi:filesystem`: a folder is a path of the guest, a file is one that was opened there.
import * as fs from 'node:fs';
import { posix } from 'node:path';
import type { GuestTree } from '../../kit/guestTree.ts';
import { attempt, refuse } from './errors.ts';
import { type OpenFile, openFile } from './openFile.ts';
import type { InputStream, OutputStream } from './shim.ts';
import { type NewTime, type Stat, secondsOf, statOf, typeOf } from './stat.ts';
import { codeOfFailure, FileInput, FileOutput } from './streams.ts';

type PathFlags = { readonly symlinkFollow?: boolean };
type OpenFlags = {
  readonly create?: boolean;
  readonly directory?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
};
type DescriptorFlags = {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly mutateDirectory?: boolean;
};

type Target =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly file: OpenFile; readonly flags: DescriptorFlags };

export class Descriptor {
  readonly #tree: GuestTree;
  readonly #target: Target;

  constructor(tree: GuestTree, target: Target) {
    this.#tree = tree;
    this.#target = target;
  }

  [Symbol.dispose](): void {
    if (this.#target.kind === 'file') this.#target.file.release();
  }

  readViaStream(offset: bigint): InputStream {
    return new FileInput(this.#open('read'), offset);
  }

  writeViaStream(offset: bigint): OutputStream {
    return new FileOutput(this.#open('write'), { kind: 'offset', offset });
  }

  appendViaStream(): OutputStream {
    return new FileOutput(this.#open('write'), { kind: 'end' });
  }

  advise(): void {
    this.#open('any');
  }

  getFlags(): DescriptorFlags {
    return this.#target.kind === 'file' ? this.#target.flags : { read: true, mutateDirectory: true };
  }

  getType(): string {
    return this.#target.kind === 'folder' ? 'directory' : typeOf(this.#stats());
  }

  setSize(size: bigint): void {
    const { descriptor } = this.#open('write');
    attempt(() => fs.ftruncateSync(descriptor, Number(size)));
  }

  setTimes(accessed: NewTime, modified: NewTime): void {
    if (this.#target.kind === 'folder') {
      this.setTimesAt({}, '.', accessed, modified);
      return;
    }
    const { descriptor } = this.#open('write');
    const stats = this.#stats();
    attempt(() =>
      fs.futimesSync(descriptor, secondsOf(accessed, stats.atimeMs), secondsOf(modified, stats.mtimeMs)),
    );
  }

  read(length: bigint, offset: bigint): [Uint8Array, boolean] {
    const { descriptor } = this.#open('read');
    const buffer = new Uint8Array(Math.min(Number(length), LONGEST_READ));
    const count = attempt(() => fs.readSync(descriptor, buffer, 0, buffer.length, offset));
    return [buffer.subarray(0, count), count === 0 && buffer.length > 0];
  }

  write(bytes: Uint8Array, offset: bigint): bigint {
    const { descriptor } = this.#open('write');
    return BigInt(attempt(() => fs.writeSync(descriptor, bytes, 0, bytes.length, Number(offset))));
  }

  sync(): void {
    if (this.#target.kind === 'file') attempt(() => fs.fsyncSync(this.#open('any').descriptor));
  }

  syncData(): void {
    if (this.#target.kind === 'file') attempt(() => fs.fdatasyncSync(this.#open('any').descriptor));
  }

  readDirectory(): DirectoryEntryStream {
    const entries = attempt(() => this.#tree.list(this.#folder()));
    return new DirectoryEntryStream(entries.map(({ name, stats }) => ({ name, type: typeOf(stats) })));
  }

  createDirectoryAt(path: string): void {
    attempt(() => this.#tree.makeFolder(this.#at(path)));
  }

  stat(): Stat {
    return statOf(this.#stats());
  }

  statAt(flags: PathFlags, path: string): Stat {
    return statOf(this.#look(path, flags));
  }

  setTimesAt(flags: PathFlags, path: string, accessed: NewTime, modified: NewTime): void {
    const { atimeMs, mtimeMs } = this.#look(path, flags);
    const times = { accessed: secondsOf(accessed, atimeMs), modified: secondsOf(modified, mtimeMs) };
    attempt(() => this.#tree.setTimes(this.#resolved(path, flags), times));
  }

  linkAt(flags: PathFlags, path: string, to: Descriptor, newPath: string): void {
    attempt(() => this.#tree.link(this.#resolved(path, flags), to.#at(newPath)));
  }

  openAt(flags: PathFlags, path: string, open: OpenFlags, wanted: DescriptorFlags): Descriptor {
    const at = this.#at(path);
    const stats = this.#lookIfThere(at, flags);
    if (stats?.isSymbolicLink() === true) refuse(open.directory === true ? 'not-directory' : 'loop');
    if (stats?.isDirectory() === true) return this.#openFolder(at, open, wanted);
    if (stats === undefined && open.create !== true) refuse('no-entry');
    if (open.directory === true || path.endsWith('/')) refuse('not-directory');
    const write = wanted.write === true;
    const read = wanted.read === true || !write;
    const descriptor = attempt(() => this.#tree.open(at, { ...open, read, write }, 0o666));
    return new Descriptor(this.#tree, {
      kind: 'file',
      file: openFile(descriptor),
      flags: { read, write },
    });
  }

  readlinkAt(path: string): string {
    return attempt(() => this.#tree.readLink(this.#at(path)));
  }

  removeDirectoryAt(path: string): void {
    attempt(() => this.#tree.removeFolder(this.#at(path)));
  }

  renameAt(path: string, to: Descriptor, newPath: string): void {
    attempt(() => this.#tree.rename(this.#at(path), to.#at(newPath)));
  }

  symlinkAt(target: string, path: string): void {
    // From outside such a link would lead somewhere else than from inside.
    if (target.startsWith('/')) refuse('not-permitted');
    attempt(() => this.#tree.makeLink(this.#at(path), target));
  }

  unlinkFileAt(path: string): void {
    if (this.#look(path, {}).isDirectory()) refuse('is-directory');
    attempt(() => this.#tree.remove(this.#at(path)));
  }

  isSameObject(other: Descriptor): boolean {
    const [own, others] = [this.#stats(), other.#stats()];
    return own.dev === others.dev && own.ino === others.ino;
  }

  metadataHash(): Hash {
    return hashOf(this.#stats());
  }

  metadataHashAt(flags: PathFlags, path: string): Hash {
    return hashOf(this.#look(path, flags));
  }

  #openFolder(path: string, open: OpenFlags, wanted: DescriptorFlags): Descriptor {
    if (open.create === true && open.exclusive === true) refuse('exist');
    if (wanted.write === true || open.truncate === true || open.create === true) refuse('is-directory');
    const real = attempt(() => this.#tree.realPath(path));
    return new Descriptor(this.#tree, { kind: 'folder', path: real });
  }

  #look(path: string, flags: PathFlags): fs.Stats {
    return this.#lookIfThere(this.#at(path), flags) ?? refuse('no-entry');
  }

  #lookIfThere(path: string, { symlinkFollow }: PathFlags): fs.Stats | undefined {
    try {
      return symlinkFollow === true ? this.#tree.stat(path) : this.#tree.lstat(path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      return attempt(() => {
        throw error;
      });
    }
  }

  #resolved(path: string, { symlinkFollow }: PathFlags): string {
    const at = this.#at(path);
    return symlinkFollow === true ? this.#tree.realPath(at) : at;
  }

  /** Never above the folder that the program holds. */
  #at(path: string): string {
    if (path.startsWith('/') || climbs(path)) refuse('not-permitted');
    return posix.join(this.#folder(), path);
  }

  #folder(): string {
    return this.#target.kind === 'folder' ? this.#target.path : refuse('not-directory');
  }

  #open(wanted: 'read' | 'write' | 'any'): OpenFile {
    if (this.#target.kind === 'folder') refuse('is-directory');
    const { file, flags } = this.#target;
    return wanted === 'any' || flags[wanted] === true ? file : refuse('bad-descriptor');
  }

  #stats(): fs.Stats {
    if (this.#target.kind === 'folder') return this.#look('.', {});
    const { descriptor } = this.#target.file;
    return attempt(() => fs.fstatSync(descriptor));
  }
}

const LONGEST_READ = 16 * 1024 * 1024;

export class DirectoryEntryStream {
  readonly #entries: { readonly name: string; readonly type: string }[];

  constructor(entries: readonly { readonly name: string; readonly type: string }[]) {
    this.#entries = [...entries];
  }

  readDirectoryEntry(): { readonly name: string; readonly type: string } | undefined {
    return this.#entries.shift();
  }

  [Symbol.dispose](): void {}
}

export const filesystemErrorCode = codeOfFailure;

type Hash = { readonly upper: bigint; readonly lower: bigint };

function hashOf({ dev, ino }: fs.Stats): Hash {
  return { upper: BigInt(dev), lower: BigInt(ino) };
}

function climbs(path: string): boolean {
  let depth = 0;
  return path.split('/').some(part => {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    return depth < 0;
  });
}
