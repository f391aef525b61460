// What the address of a libvirt says about the way to it.
import { fail } from '../../../core/errors.ts';

export type Address =
  | { readonly kind: 'ssh'; readonly argv: readonly [string, ...string[]]; readonly own: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly own: string };

/** Whether it names a machine, which may still be this one. */
export function namesHost(uri: string): boolean {
  return new URL(uri).hostname !== '';
}

/** Nobody can answer a question of ssh's here: it is told to fail instead of asking one. */
export function withoutQuestions(uri: string): string {
  const { protocol, searchParams } = new URL(uri);
  if (protocol !== 'qemu+ssh:' || searchParams.has('no_tty')) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}no_tty=1`;
}

const TCP_PORT = 16_509;
/** Of a connection that breaks without a word, ssh notices that in less than half a minute. */
const ALIVE = ['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=4', '-o', 'ConnectTimeout=20'];

/** Pure. Undefined where streams of a guest cannot be had over this kind of connection. */
export function addressOf(uri: string): Address | undefined {
  const { protocol, hostname, port, username, pathname, searchParams } = new URL(uri);
  const host = decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1');
  const own = ownName(uri, pathname);
  if (protocol === 'qemu+tcp:')
    return { kind: 'tcp', host, port: port === '' ? TCP_PORT : Number(port), own };
  if (protocol !== 'qemu+ssh:') return undefined;
  const key = searchParams.get('keyfile');
  const argv = [
    searchParams.get('command') ?? 'ssh',
    ...['-T', '-e', 'none', '-o', 'BatchMode=yes', ...ALIVE],
    ...(username === '' ? [] : ['-l', decodeURIComponent(username)]),
    ...(port === '' ? [] : ['-p', port]),
    ...(key === null ? [] : ['-i', key]),
    ...(searchParams.get('no_verify') === '1' ? ['-o', 'StrictHostKeyChecking=no'] : []),
    // As libvirt's own client does it; the program there finds the daemon by the name.
    ...['--', host, 'virt-ssh-helper', own],
  ] as const;
  return { kind: 'ssh', argv, own };
}

/** What the libvirt calls itself on its own machine; one of two words, because a shell there reads it. */
function ownName(uri: string, pathname: string): string {
  if (pathname === '/system' || pathname === '/session') return `qemu://${pathname}`;
  return fail('usage', `${uri} names no connection of QEMU`, { hint: 'it ends with /system or /session' });
}
