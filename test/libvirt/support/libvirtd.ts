// A libvirt daemon of the tests' own: its pid is known, and nothing else on the machine depends on it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';

export type Libvirtd = {
  readonly uri: string;
  readonly folder: string;
  /** As when it crashes; machines go on. */
  kill(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
};

/** Reached over a socket of its own, or over a port of the loopback address. */
export async function startLibvirtd(port?: number): Promise<Libvirtd> {
  // Short, because sockets lie below it.
  const folder = mkdtempSync(join(tmpdir(), 'hvl-'));
  const runtime = join(folder, 'r');
  mkdirSync(runtime);
  const socket = join(runtime, 'libvirt', 'libvirt-sock');
  const config = join(folder, 'libvirtd.conf');
  const settings = ['listen_tls = 0', 'auth_tcp = "none"', 'listen_addr = "127.0.0.1"'];
  if (port !== undefined) settings.push('listen_tcp = 1', `tcp_port = "${port}"`);
  writeFileSync(config, `${settings.join('\n')}\n`);
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const words = [
      '--config',
      config,
      '--pid-file',
      join(folder, 'pid'),
      ...(port === undefined ? [] : ['-l']),
    ];
    child = spawn('libvirtd', words, {
      // With nothing in common with the daemon that this user may have besides.
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        XDG_RUNTIME_DIR: runtime,
        XDG_CONFIG_HOME: join(folder, 'c'),
        XDG_CACHE_HOME: join(folder, 'k'),
      },
      stdio: 'ignore',
    });
    await eventually(() => existsSync(socket), { what: 'the socket of libvirtd' });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = child;
    child = undefined;
    if (ended === undefined || ended.exitCode !== null) return;
    const over = new Promise(resolve => ended.once('exit', resolve));
    ended.kill(signal);
    await over;
  };
  await start();
  return {
    uri:
      port === undefined ? `qemu+unix:///session?socket=${socket}` : `qemu+tcp://127.0.0.1:${port}/session`,
    folder,
    start,
    kill: async () => {
      await end('SIGKILL');
      rmSync(socket, { force: true });
    },
    dispose: async () => {
      await end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
