// What an SFTP client has open: files of the host and lists of names, by short keys.
import { closeSync } from 'node:fs';
import { TreeError } from './guestTree.ts';

export type OpenFile = { readonly fd: number; readonly append: boolean; readonly writable: boolean };

type OpenFolder<T> = { readonly names: T };

export class SftpHandles<T extends readonly unknown[]> {
  static readonly most = 200;
  readonly #open = new Map<string, OpenFile | { names: readonly T[number][] }>();
  #next = 0;

  add(opened: OpenFile | OpenFolder<T>): string {
    if (this.#open.size >= SftpHandles.most) {
      if ('fd' in opened) closeSync(opened.fd);
      throw new TreeError('EMFILE', 'too many open files');
    }
    this.#next += 1;
    const key = String(this.#next);
    this.#open.set(key, 'fd' in opened ? opened : { names: opened.names });
    return key;
  }

  file(key: string): OpenFile {
    const found = this.#open.get(key);
    if (found === undefined || !('fd' in found)) throw new TreeError('EBADF', key);
    return found;
  }

  writable(key: string): number {
    const { fd, writable } = this.file(key);
    if (!writable) throw new TreeError('EACCES', key);
    return fd;
  }

  /** Empty at the end. */
  nextNames(key: string, count: number): readonly T[number][] {
    const found = this.#open.get(key);
    if (found === undefined || 'fd' in found) throw new TreeError('EBADF', key);
    const next = found.names.slice(0, count);
    found.names = found.names.slice(count);
    return next;
  }

  close(key: string): void {
    const found = this.#open.get(key);
    if (found === undefined) throw new TreeError('EBADF', key);
    this.#open.delete(key);
    if ('fd' in found) closeSync(found.fd);
  }

  closeAll(): void {
    for (const key of [...this.#open.keys()]) this.close(key);
  }
}
