// The answers of an SFTP server, as bytes.
import type * as fs from 'node:fs';
import { type Attributes, Packet, PacketWriter, Status } from '../../sftp/packet.ts';

export type Answer = { readonly type: number; readonly body: PacketWriter };

const VERSION = 3;

const extensions: readonly (readonly [string, string])[] = [
  ['posix-rename@openssh.com', '1'],
  ['fsync@openssh.com', '1'],
  ['lsetstat@openssh.com', '1'],
  ['limits@openssh.com', '1'],
  ['expand-path@openssh.com', '1'],
];

export function greeting(): Answer {
  const body = new PacketWriter().uint32(VERSION);
  for (const [extension, version] of extensions) body.string(extension).string(version);
  return { type: Packet.version, body };
}

export function framed({ type, body }: Answer): Buffer {
  const bytes = body.bytes();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length + 1);
  head.writeUInt8(type, 4);
  return Buffer.concat([head, bytes]);
}

export function status(id: number, code: number, message = ''): Answer {
  return { type: Packet.status, body: new PacketWriter().uint32(id).uint32(code).string(message).string('') };
}

export function handle(id: number, key: string): Answer {
  return { type: Packet.handle, body: new PacketWriter().uint32(id).string(key) };
}

export function attributes(id: number, stats: fs.Stats): Answer {
  return { type: Packet.attrs, body: new PacketWriter().uint32(id).attributes(attributesOf(stats)) };
}

export function name(id: number, path: string): Answer {
  const body = new PacketWriter().uint32(id).uint32(1).string(path).string(path).uint32(0);
  return { type: Packet.name, body };
}

export function attributesOf(stats: fs.Stats): Attributes {
  const kind = stats.isDirectory()
    ? 'folder'
    : stats.isSymbolicLink()
      ? 'link'
      : stats.isFile()
        ? 'file'
        : 'other';
  return { kind, size: stats.size, mode: stats.mode & 0o7777, modifiedAt: stats.mtime };
}

/** As `ls -l` shows it; clients print it as it is. */
export function longName(name: string, { kind, mode, size, modifiedAt }: Attributes): string {
  const type = kind === 'folder' ? 'd' : kind === 'link' ? 'l' : '-';
  const letters = [...'rwxrwxrwx'].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-')).join('');
  const date = modifiedAt.toISOString().slice(0, 16).replace('T', ' ');
  return `${type}${letters} 1 dev dev ${String(size).padStart(8)} ${date} ${name}`;
}

export function failure(id: number, error: unknown): Answer {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message.replace(/ '.*$/, '') : String(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return status(id, Status.noSuchFile, 'no such file or folder');
  const denied = ['EACCES', 'EPERM', 'EROFS', 'ELOOP'];
  if (denied.includes(code)) return status(id, Status.permissionDenied, 'this is not permitted here');
  if (code === 'internal') return status(id, Status.badMessage, message);
  return status(id, Status.failure, code === '' ? 'it failed' : code);
}
