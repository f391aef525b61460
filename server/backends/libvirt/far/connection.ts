// A connection to the daemon of a libvirt, for what virsh has no command for.
import type { Duplex } from 'node:stream';
import { fail, SandboxError } from '../../../core/errors.ts';
import { overSsh } from '../../../platform/overSsh.ts';
import { connectTo } from '../../../platform/sockets.ts';
import { refuseAway } from '../away.ts';
import { addressOf } from './address.ts';
import { openStream, tryConnection } from './stream.ts';

/** A stream of a guest; fails like every question to a libvirt that is away. */
export async function streamOf(
  uri: string,
  wish: { readonly domain: string; readonly what: 'channel' | 'console' },
): Promise<Duplex> {
  return await connected(uri, (connection, own) => openStream(connection, { ...wish, own }));
}

/** Fails with the reason where streams of guests cannot be had. */
export async function tryStreams(uri: string): Promise<void> {
  await connected(uri, tryConnection);
}

/** From the first byte on, until libvirt there has answered what was asked of it. */
const PATIENCE_MS = 20_000;

async function connected<T>(uri: string, use: (connection: Duplex, own: string) => Promise<T>): Promise<T> {
  const address = addressOf(uri) ?? refuseTransport(uri);
  try {
    const connection =
      address.kind === 'ssh'
        ? overSsh(address.argv)
        : await connectTo(address.host, address.port, PATIENCE_MS);
    const late = new Error(`no answer in ${PATIENCE_MS / 1000} seconds`);
    const timer = setTimeout(() => connection.destroy(late), PATIENCE_MS);
    try {
      return await use(connection, address.own);
    } finally {
      clearTimeout(timer);
    }
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    const said = error instanceof Error ? error.message : String(error);
    return refuseAway(uri, said.replaceAll(/\s*[\r\n]+\s*/g, ': '));
  }
}

function refuseTransport(uri: string): never {
  return fail('unsupported', `machines of another host are reached over ssh or tcp, and not with ${uri}`, {
    hint: 'use qemu+ssh://user@host/system',
  });
}
