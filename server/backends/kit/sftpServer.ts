// Serves the files of a guest over SFTP (version 3) where no program inside could: one session over one stream.
import * as fs from 'node:fs';
import { type Duplex, duplexPair } from 'node:stream';
import {
  OpenFlag,
  Packet,
  PacketReader,
  PacketWriter,
  Status,
  type WantedAttributes,
} from '../../sftp/packet.ts';
import type { GuestTree, Named } from './guestTree.ts';
import {
  type Answer,
  attributes,
  attributesOf,
  failure,
  framed,
  greeting,
  handle,
  longName,
  name,
  status,
} from './sftpAnswers.ts';
import { SftpHandles } from './sftpHandles.ts';

export type Served = {
  readonly tree: GuestTree;
  /** Where relative names begin. */
  readonly start: string;
  readonly home: string;
};

/** What OpenSSH takes and sends at most. */
const LONGEST_PACKET = 256 * 1024;
const LONGEST_DATA = 255 * 1024;
const NAMES_AT_ONCE = 100;

/** The client's end; what it holds open goes with it. */
export function serveSftp(served: Served): Duplex {
  const [client, server] = duplexPair();
  const session = new Session(served);
  let input: Buffer = Buffer.alloc(0);
  server.on('data', (chunk: Buffer) => {
    input = input.length === 0 ? chunk : Buffer.concat([input, chunk]);
    while (input.length >= 4) {
      const length = input.readUInt32BE();
      // A client that says this speaks something else, and what follows means nothing.
      if (length < 1 || length > LONGEST_PACKET) return void server.destroy();
      if (input.length < 4 + length) return;
      const packet = input.subarray(4, 4 + length);
      input = input.subarray(4 + length);
      if (!server.write(session.answer(packet[0] ?? 0, new PacketReader(packet.subarray(1))))) {
        server.pause();
        server.once('drain', () => server.resume());
      }
    }
  });
  server.on('error', () => server.destroy());
  server.once('end', () => server.end());
  // Neither end of a pair notices by itself that the other one was destroyed.
  client.once('close', () => server.destroy());
  server.once('close', () => {
    session.end();
    client.destroy();
  });
  return client;
}

class Session {
  readonly #served: Served;
  readonly #handles = new SftpHandles<readonly Named[]>();

  constructor(served: Served) {
    this.#served = served;
  }

  end(): void {
    this.#handles.closeAll();
  }

  answer(type: number, body: PacketReader): Buffer {
    if (type === Packet.init) return framed(greeting());
    let id = 0;
    try {
      id = body.uint32();
      return framed(this.#act(type, body, id));
    } catch (error) {
      return framed(failure(id, error));
    }
  }

  #act(type: number, body: PacketReader, id: number): Answer {
    const { tree } = this.#served;
    switch (type) {
      case Packet.open:
        return this.#open(body, id);
      case Packet.close:
        this.#handles.close(body.string());
        return status(id, Status.ok);
      case Packet.read:
        return this.#read(body, id);
      case Packet.write: {
        const file = this.#handles.file(body.string());
        const offset = body.uint64();
        const bytes = body.buffer();
        for (let done = 0; done < bytes.length; )
          done += fs.writeSync(file.fd, bytes, done, bytes.length - done, file.append ? null : offset + done);
        return status(id, Status.ok);
      }
      case Packet.lstat:
        return attributes(id, tree.lstat(this.#path(body)));
      case Packet.stat:
        return attributes(id, tree.stat(this.#path(body)));
      case Packet.fstat:
        return attributes(id, fs.fstatSync(this.#handles.file(body.string()).fd));
      case Packet.setstat:
        this.#set(this.#path(body), body.wanted());
        return status(id, Status.ok);
      case Packet.fsetstat:
        apply(this.#handles.writable(body.string()), body.wanted());
        return status(id, Status.ok);
      case Packet.opendir:
        return handle(id, this.#handles.add({ names: tree.list(this.#path(body)) }));
      case Packet.readdir:
        return this.#names(body, id);
      case Packet.remove:
        tree.remove(this.#path(body));
        return status(id, Status.ok);
      case Packet.mkdir: {
        const path = this.#path(body);
        tree.makeFolder(path, body.wanted().mode);
        return status(id, Status.ok);
      }
      case Packet.rmdir:
        tree.removeFolder(this.#path(body));
        return status(id, Status.ok);
      case Packet.realpath:
        return name(id, this.#real(this.#path(body)));
      case Packet.rename: {
        const [from, to] = [this.#path(body), this.#path(body)];
        if (exists(() => tree.lstat(to))) return status(id, Status.failure, 'the new name is taken');
        tree.rename(from, to);
        return status(id, Status.ok);
      }
      case Packet.readlink:
        return name(id, tree.readLink(this.#path(body)));
      case Packet.symlink: {
        // OpenSSH's order, which every client follows: first what it leads to.
        const target = body.string();
        tree.makeLink(this.#path(body), target);
        return status(id, Status.ok);
      }
      case Packet.extended:
        return this.#extended(body, id);
      default:
        return status(id, Status.unsupported, 'this is not part of version 3');
    }
  }

  #open(body: PacketReader, id: number): Answer {
    const path = this.#path(body);
    const flags = body.uint32();
    const has = (flag: number): boolean => (flags & flag) !== 0;
    const append = has(OpenFlag.append);
    const wish = {
      read: has(OpenFlag.read),
      write: has(OpenFlag.write),
      append,
      create: has(OpenFlag.create),
      exclusive: has(OpenFlag.exclusive),
      truncate: has(OpenFlag.truncate),
    };
    const fd = this.#served.tree.open(path, wish, body.wanted().mode);
    return handle(id, this.#handles.add({ fd, append, writable: wish.write || append }));
  }

  #read(body: PacketReader, id: number): Answer {
    const { fd } = this.#handles.file(body.string());
    const offset = body.uint64();
    const bytes = Buffer.allocUnsafe(Math.min(body.uint32(), LONGEST_DATA));
    const size = fs.readSync(fd, bytes, 0, bytes.length, offset);
    if (size === 0 && bytes.length > 0) return status(id, Status.eof, 'the file ends here');
    return { type: Packet.data, body: new PacketWriter().uint32(id).string(bytes.subarray(0, size)) };
  }

  #names(body: PacketReader, id: number): Answer {
    const names = this.#handles.nextNames(body.string(), NAMES_AT_ONCE);
    if (names.length === 0) return status(id, Status.eof, 'there are no more names');
    const answer = new PacketWriter().uint32(id).uint32(names.length);
    for (const found of names) {
      const shown = attributesOf(found.stats);
      answer.string(found.name).string(longName(found.name, shown)).attributes(shown);
    }
    return { type: Packet.name, body: answer };
  }

  #extended(body: PacketReader, id: number): Answer {
    const { tree, home } = this.#served;
    switch (body.string()) {
      case 'posix-rename@openssh.com':
        tree.rename(this.#path(body), this.#path(body));
        return status(id, Status.ok);
      case 'fsync@openssh.com':
        fs.fsyncSync(this.#handles.file(body.string()).fd);
        return status(id, Status.ok);
      case 'lsetstat@openssh.com': {
        const path = this.#path(body);
        // Links have no attributes worth setting, and everything else is set as usual.
        if (!tree.lstat(path).isSymbolicLink()) this.#set(path, body.wanted());
        return status(id, Status.ok);
      }
      case 'limits@openssh.com': {
        const limits = new PacketWriter().uint32(id).uint64(LONGEST_PACKET).uint64(LONGEST_DATA);
        return { type: Packet.extendedReply, body: limits.uint64(LONGEST_DATA).uint64(SftpHandles.most) };
      }
      case 'expand-path@openssh.com':
        return name(id, this.#real(absolute(body.string().replace(/^~(?=\/|$)/, home), this.#served.start)));
      default:
        return status(id, Status.unsupported, 'there is no such extension');
    }
  }

  #path(body: PacketReader): string {
    return absolute(body.string(), this.#served.start);
  }

  /** What does not exist yet is told as it would be called. */
  #real(path: string): string {
    try {
      return this.#served.tree.realPath(path);
    } catch {
      return normal(path);
    }
  }

  #set(path: string, wanted: WantedAttributes): void {
    const { tree } = this.#served;
    if (tree.stat(path).isDirectory()) {
      tree.setFolder(path, wanted);
      return;
    }
    const fd = tree.open(path, { write: true });
    try {
      apply(fd, wanted);
    } finally {
      fs.closeSync(fd);
    }
  }
}

function apply(fd: number, { size, mode, times }: WantedAttributes): void {
  if (size !== undefined) fs.ftruncateSync(fd, size);
  if (mode !== undefined) fs.fchmodSync(fd, mode & 0o777);
  if (times !== undefined) fs.futimesSync(fd, times.accessed, times.modified);
}

function exists(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch {
    // Whatever is wrong with it is found again by what is done next.
    return false;
  }
}

function absolute(path: string, start: string): string {
  return path.startsWith('/') ? path : `${start}/${path}`;
}

function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
