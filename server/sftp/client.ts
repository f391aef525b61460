// The files of a guest, by path: a client of SFTP version 3 with requests under way in advance.
import type { Duplex } from 'node:stream';
import { fail } from '../core/errors.ts';
import { type Attributes, OpenFlag, Packet, type PacketReader, type PacketWriter, Status } from './packet.ts';
import { type Answer, SftpTransport } from './transport.ts';

export type NamedAttributes = { readonly name: string; readonly attributes: Attributes };

export type GuestFiles = {
  /** Follows links; undefined when there is nothing. */
  stat(path: string): Promise<Attributes | undefined>;
  /** Does not follow the last link. */
  lstat(path: string): Promise<Attributes | undefined>;
  /** Without `.` and `..`, in the order of the names. */
  list(path: string): Promise<readonly NamedAttributes[]>;
  /** From its beginning, or from that byte on. */
  read(path: string, offset?: number): AsyncIterable<Buffer>;
  write(path: string, content: AsyncIterable<Uint8Array>, mode: number | undefined): Promise<number>;
  makeFolder(path: string, mode: number | undefined): Promise<void>;
  removeFolder(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Replaces what is at the new place. */
  rename(from: string, to: string): Promise<void>;
  readLink(path: string): Promise<string>;
  makeLink(path: string, target: string): Promise<void>;
  setMode(path: string, mode: number): Promise<void>;
  close(): void;
};

/** Bytes of one read or write; every server of version 3 takes this much. */
const BLOCK = 32 * 1024;
/** How many blocks are under way at once. */
const AHEAD = 32;

/** More than a person's largest folders have, and little enough to be held in memory. */
const MOST_ENTRIES = 250_000;
/** Systems take 255 bytes or characters. */
const LONGEST_NAME = 1024;

const POSIX_RENAME = 'posix-rename@openssh.com';

/** The signal ends the connection, also while the server has not answered yet; without one, `close` does. */
export async function openFiles(stream: Duplex, signal?: AbortSignal): Promise<GuestFiles> {
  const transport = await openTransport(stream, signal);
  const done = async (path: string, type: number, fill: (body: PacketWriter) => void): Promise<void> => {
    const answer = await transport.request(type, fill);
    if (answer.type !== Packet.status || statusOf(answer).code !== Status.ok) refuse(path, answer);
  };
  const attributes = async (path: string, type: number): Promise<Attributes | undefined> => {
    const answer = await transport.request(type, body => body.string(path));
    if (answer.type === Packet.attrs) return answer.body.attributes();
    if (answer.type === Packet.status && statusOf(answer).code === Status.noSuchFile) return undefined;
    return refuse(path, answer);
  };
  return {
    stat: path => attributes(path, Packet.stat),
    lstat: path => attributes(path, Packet.lstat),
    list: path => listFolder(transport, path),
    read: (path, offset = 0) => readFile(transport, path, offset),
    write: (path, content, mode) => writeFile(transport, { path, mode }, content),
    makeFolder: (path, mode) => done(path, Packet.mkdir, body => body.string(path).mode(mode)),
    removeFolder: path => done(path, Packet.rmdir, body => body.string(path)),
    remove: path => done(path, Packet.remove, body => body.string(path)),
    rename: (from, to) =>
      transport.extensions.has(POSIX_RENAME)
        ? done(from, Packet.extended, body => body.string(POSIX_RENAME).string(from).string(to))
        : done(from, Packet.rename, body => body.string(from).string(to)),
    readLink: async path => {
      const answer = await transport.request(Packet.readlink, body => body.string(path));
      if (answer.type !== Packet.name || answer.body.uint32() !== 1) return refuse(path, answer);
      return answer.body.string();
    },
    // Every server follows OpenSSH here, whose order is the reverse of the specification's.
    makeLink: (path, target) => done(path, Packet.symlink, body => body.string(target).string(path)),
    setMode: (path, mode) => done(path, Packet.setstat, body => body.string(path).mode(mode)),
    close: () => transport.close(),
  };
}

async function openTransport(stream: Duplex, signal: AbortSignal | undefined): Promise<SftpTransport> {
  const cut = (): void => void stream.destroy();
  signal?.addEventListener('abort', cut, { once: true });
  stream.once('close', () => signal?.removeEventListener('abort', cut));
  if (signal?.aborted === true) cut();
  try {
    return await SftpTransport.open(stream);
  } catch (error) {
    stream.destroy();
    signal?.throwIfAborted();
    throw error;
  }
}

/** The guest is not trusted: a folder has an end, and what is in it is named as a file can be. */
async function listFolder(transport: SftpTransport, path: string): Promise<readonly NamedAttributes[]> {
  const found: NamedAttributes[] = [];
  await withHandle(
    transport,
    path,
    { type: Packet.opendir, fill: body => body.string(path) },
    async handle => {
      for (;;) {
        const answer = await transport.request(Packet.readdir, body => body.string(handle));
        if (answer.type !== Packet.name) {
          if (statusOf(answer).code === Status.eof) return;
          refuse(path, answer);
        }
        const count = answer.body.uint32();
        if (count === 0) fail('guest-failed', `${path}: the sandbox tells of nothing, again and again`);
        for (let left = count; left > 0; left -= 1) found.push(readName(path, answer.body));
        if (found.length > MOST_ENTRIES)
          fail('guest-failed', `${path} has more than ${MOST_ENTRIES} files, which is too many to be listed`);
      }
    },
  );
  return found
    .filter(({ name }) => name !== '.' && name !== '..')
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

function readName(path: string, body: PacketReader): NamedAttributes {
  const name = body.string();
  if (name === '' || name.length > LONGEST_NAME || /[/\0]/.test(name))
    fail('guest-failed', `the sandbox names a file in ${path} ${JSON.stringify(name.slice(0, 100))}`);
  body.buffer();
  return { name, attributes: body.attributes() };
}

async function* readFile(transport: SftpTransport, path: string, start: number): AsyncIterable<Buffer> {
  const handle = await openHandle(transport, path, {
    type: Packet.open,
    fill: body => body.string(path).uint32(OpenFlag.read).uint32(0),
  });
  const ask = (at: number): Promise<Answer> => {
    const asked = transport.request(Packet.read, body => body.string(handle).uint64(at).uint32(BLOCK));
    // What is asked in advance may fail while nobody waits for it yet.
    asked.catch(() => {});
    return asked;
  };
  try {
    let next = start;
    let offset = start;
    let under: Promise<Answer>[] = [];
    for (;;) {
      while (under.length < AHEAD) {
        under.push(ask(next));
        next += BLOCK;
      }
      const answer = await (under.shift() ?? ask(offset));
      if (answer.type !== Packet.data) {
        if (statusOf(answer).code === Status.eof) return;
        refuse(path, answer);
      }
      const block = answer.body.buffer();
      if (block.length === 0 || block.length > BLOCK)
        fail('guest-failed', `${path}: the sandbox sends other parts than were asked for`);
      yield block;
      offset += block.length;
      if (block.length === BLOCK) continue;
      // A short block leaves a gap before what was asked in advance, so that is asked again.
      await Promise.allSettled(under);
      under = [];
      next = offset;
    }
  } finally {
    await closeHandle(transport, handle);
  }
}

async function writeFile(
  transport: SftpTransport,
  { path, mode }: { path: string; mode: number | undefined },
  content: AsyncIterable<Uint8Array>,
): Promise<number> {
  let offset = 0;
  const flags = OpenFlag.write | OpenFlag.create | OpenFlag.truncate;
  const opening = {
    type: Packet.open,
    fill: (body: PacketWriter) => body.string(path).uint32(flags).mode(mode),
  };
  await withHandle(transport, path, opening, async handle => {
    const under: Promise<Answer>[] = [];
    const settle = async (): Promise<void> => {
      const answer = await under.shift();
      if (answer !== undefined && statusOf(answer).code !== Status.ok) refuse(path, answer);
    };
    for await (const chunk of content) {
      for (let start = 0; start < chunk.length; start += BLOCK) {
        const block = chunk.subarray(start, start + BLOCK);
        const at = offset;
        const sent = transport.request(Packet.write, body => body.string(handle).uint64(at).string(block));
        sent.catch(() => {});
        under.push(sent);
        offset += block.length;
        if (under.length >= AHEAD) await settle();
      }
    }
    while (under.length > 0) await settle();
  });
  return offset;
}

type Opening = { readonly type: number; readonly fill: (body: PacketWriter) => void };

async function withHandle(
  transport: SftpTransport,
  path: string,
  opening: Opening,
  use: (handle: Buffer) => Promise<void>,
): Promise<void> {
  const handle = await openHandle(transport, path, opening);
  try {
    await use(handle);
  } finally {
    await closeHandle(transport, handle);
  }
}

async function openHandle(transport: SftpTransport, path: string, { type, fill }: Opening): Promise<Buffer> {
  const answer = await transport.request(type, fill);
  return answer.type === Packet.handle ? Buffer.from(answer.body.buffer()) : refuse(path, answer);
}

async function closeHandle(transport: SftpTransport, handle: Buffer): Promise<void> {
  try {
    await transport.request(Packet.close, body => body.string(handle));
  } catch {
    // With the connection the handle is gone too, and that failure is told by the work itself.
  }
}

const seen = new WeakMap<Answer, { code: number; message: string }>();

/** Reads the status of an answer, however often it is asked. */
function statusOf(answer: Answer): { code: number; message: string } {
  const known = seen.get(answer);
  if (known !== undefined) return known;
  const status =
    answer.type === Packet.status
      ? { code: answer.body.uint32(), message: answer.body.rest > 0 ? answer.body.string() : '' }
      : { code: -1, message: 'an answer of another kind' };
  seen.set(answer, status);
  return status;
}

function refuse(path: string, answer: Answer): never {
  const { code, message } = statusOf(answer);
  if (code === Status.noSuchFile) fail('path-not-found', `${path} does not exist in the sandbox`);
  if (code === Status.permissionDenied) fail('storage', `${path}: the sandbox does not permit this`);
  fail('storage', `${path}: ${message === '' ? 'the sandbox refused' : message}`);
}
