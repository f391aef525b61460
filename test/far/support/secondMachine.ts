// A second machine, made of namespaces: another name, other files, another network, its own ssh server and its own libvirt.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, command, which } from '../../../scripts/lib/command.ts';
import { randomHex } from '../../../server/platform/random.ts';
import { ensureSshKey } from '../../../server/platform/sshKey.ts';
import { eventually } from '../../support/eventually.ts';

/** A server with all its processes, as patterns of their names. */
type Freezing = 'libvirtd' | 'sshd';

export type SecondMachine = {
  readonly host: string;
  /** What reaches its libvirt by ssh as somebody who is not root there. */
  readonly uri: string;
  /** The same with another configuration of ssh. */
  uriWith(lines: readonly string[]): string;
  /** Runs there as root, and answers what it said. */
  run(...argv: readonly string[]): Promise<string>;
  /** Ends every connection that is open now. */
  cut(): Promise<void>;
  /** Lets nobody in, and cuts all connections. */
  close(): Promise<void>;
  open(): Promise<void>;
  /** What it runs takes whatever is sent, and says nothing; connections stay open. */
  freeze(what: Freezing): Promise<void>;
  thaw(what: Freezing): Promise<void>;
  dispose(): Promise<void>;
};

const USER = 'somebody';
const UID = 4321;

/** Undefined when it can be made here. */
export async function whyNoSecondMachine(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'a second machine of namespaces needs root';
  const programs = ['bwrap', 'ip', 'nsenter', 'sshd', 'ssh', 'libvirtd', 'virtlogd', 'virsh'];
  const missing = [...programs, 'virt-ssh-helper', 'qemu-system-x86_64'].find(
    name => which(name) === undefined,
  );
  if (missing !== undefined) return `the program ${missing} is not installed`;
  const [name, peer] = [`hvt${process.pid}`, `hvu${process.pid}`];
  const made = await attempt(['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', peer]);
  if (made.code !== 0) return `no network between two namespaces: ${made.stderr.trim()}`;
  await command(['ip', 'link', 'delete', name]);
  return undefined;
}

export async function startSecondMachine(): Promise<SecondMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'hvf-'));
  chmodSync(folder, 0o755);
  const { ours, theirs, host } = addresses();
  const key = join(folder, 'key');
  await ensureSshKey(key);
  await furnish(folder, (await ensureSshKey(key)).publicLine);
  const machine = spawn('bwrap', [...words(folder), '--', '/bin/sh', '/etc/start.sh', theirs], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const link = `hvf${process.pid}`;
  const dispose = async (): Promise<void> => {
    if (machine.exitCode === null && machine.signalCode === null) {
      const over = once(machine, 'exit');
      machine.kill('SIGKILL');
      await over;
    }
    // The kernel takes the namespace's end away in its own time.
    await attempt(['ip', 'link', 'delete', link]);
    await eventually(() => tryRemove(folder), { what: 'the end of the second machine' });
  };
  try {
    const pid = await pidInside(machine);
    await command(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
    await command(['ip', 'address', 'add', ours, 'dev', link]);
    await command(['ip', 'link', 'set', link, 'up']);
    await eventually(() => existsSync(join(folder, 'etc', 'ready')), {
      what: 'the libvirt of the second machine',
    });
    const enter = ['nsenter', '--target', String(pid), '--mount', '--pid', '--net', '--uts', '--ipc', '--'];
    const run: SecondMachine['run'] = (...argv) => command([...enter, ...argv]);
    const uriWith: SecondMachine['uriWith'] = lines =>
      `qemu+ssh://${USER}@${host}/system?command=${sshWith(folder, lines)}`;
    const known = [
      `IdentityFile ${key}`,
      'IdentitiesOnly yes',
      `UserKnownHostsFile ${join(folder, 'known')}`,
    ];
    const uri = uriWith([...known, 'StrictHostKeyChecking accept-new']);
    const noSsh = join(folder, 'etc', 'no-ssh');
    const cut = async (): Promise<void> =>
      void (await attempt([...enter, 'pkill', '-KILL', 'virt-ssh-helper']));
    const signal = async (name: string, what: Freezing): Promise<void> =>
      void (await run('pkill', name, what));
    await makePool(run);
    const reachable = async (): Promise<boolean> =>
      (await attempt(['virsh', '-c', `${uri}&no_tty=1`, 'version'])).code === 0;
    await eventually(reachable, { what: 'the ssh server of the second machine' });
    return {
      ...{ host, uri, uriWith, run, cut, dispose },
      close: async () => {
        writeFileSync(noSsh, '');
        await attempt([...enter, 'pkill', '-KILL', 'sshd']);
        await cut();
      },
      freeze: what => signal('-STOP', what),
      thaw: what => signal('-CONT', what),
      open: async () => {
        rmSync(noSsh, { force: true });
        await eventually(reachable, { what: 'the ssh server of the second machine' });
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Of a network that is kept for tests between machines, a part that no other run has. */
function addresses(): { ours: string; theirs: string; host: string } {
  const part = (process.pid * 4) % 0x10000;
  const at = (number: number): string => `198.18.${part >> 8}.${(part & 0xff) + number}`;
  return { ours: `${at(1)}/30`, theirs: `${at(2)}/30`, host: at(2) };
}

/** Its own files, of which this machine's libvirt has none, and this machine's programs. */
function words(folder: string): readonly string[] {
  return [
    ...['--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-ipc', '--hostname', 'second'],
    ...['--die-with-parent', '--cap-add', 'ALL', '--info-fd', '3', '--chdir', '/', '--clearenv'],
    ...['--setenv', 'PATH', '/usr/sbin:/usr/bin', '--ro-bind', '/usr', '/usr'],
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...['etc', 'var', 'home'].flatMap(name => ['--bind', join(folder, name), `/${name}`]),
    ...['--tmpfs', '/root', '--tmpfs', '/run', '--perms', '1777', '--tmpfs', '/tmp'],
    ...['--dev', '/dev', '--proc', '/proc', '--ro-bind', '/sys', '/sys'],
  ];
}

async function furnish(folder: string, authorized: string): Promise<void> {
  for (const name of ['etc/libvirt', 'etc/ssh', 'var/lib/libvirt/images', 'var/log', `home/${USER}`])
    mkdirSync(join(folder, name), { recursive: true });
  await command(['ln', '-s', '/run', join(folder, 'var', 'run')]);
  await command(['ln', '-s', '/run/lock', join(folder, 'var', 'lock')]);
  await command(['chown', `${UID}:${UID}`, join(folder, 'home', USER)]);
  for (const name of ['alternatives', 'ld.so.cache'])
    cpSync(join('/etc', name), join(folder, 'etc', name), { recursive: true, verbatimSymlinks: true });
  cpSync(join(import.meta.dirname, 'start.sh'), join(folder, 'etc', 'start.sh'));
  await ensureSshKey(join(folder, 'etc', 'ssh', 'host_key'));
  const files: Readonly<Record<string, readonly string[]>> = {
    passwd: [
      'root:*:0:0::/root:/bin/sh',
      `${USER}:*:${UID}:${UID}::/home/${USER}:/bin/sh`,
      'libvirt-qemu:*:64055:64055::/var/lib/libvirt:/usr/sbin/nologin',
      'sshd:*:101:65534::/run/sshd:/usr/sbin/nologin',
      'nobody:*:65534:65534::/:/usr/sbin/nologin',
    ],
    group: [
      'root:*:0:',
      `${USER}:*:${UID}:`,
      `libvirt:*:64056:${USER}`,
      'libvirt-qemu:*:64055:',
      'kvm:*:106:',
      'nogroup:*:65534:',
    ],
    'nsswitch.conf': ['passwd: files', 'group: files', 'hosts: files'],
    hosts: ['127.0.0.1 localhost second'],
    'machine-id': [randomHex(16)],
    'libvirt/qemu.conf': [
      'user = "libvirt-qemu"',
      'group = "libvirt-qemu"',
      'security_driver = "none"',
      'cgroup_controllers = []',
      'namespaces = []',
    ],
    'libvirt/libvirtd.conf': [
      'unix_sock_group = "libvirt"',
      'unix_sock_rw_perms = "0770"',
      'auth_unix_rw = "none"',
      'listen_tls = 0',
      'listen_tcp = 1',
      'auth_tcp = "none"',
    ],
    'ssh/sshd_config': [
      'HostKey /etc/ssh/host_key',
      'AuthorizedKeysFile /etc/ssh/authorized',
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
    ],
    'ssh/authorized': [authorized],
  };
  for (const [name, lines] of Object.entries(files))
    writeFileSync(join(folder, 'etc', name), `${lines.join('\n')}\n`);
}

async function makePool(run: SecondMachine['run']): Promise<void> {
  const virsh = (...argv: readonly string[]): Promise<string> =>
    run('virsh', '-c', 'qemu:///system', ...argv);
  await virsh('pool-define-as', 'default', 'dir', '--target', '/var/lib/libvirt/images');
  await virsh('pool-start', 'default');
}

/** A program that is ssh with this configuration and no other. */
function sshWith(folder: string, lines: readonly string[]): string {
  const [config, program] = [join(folder, `ssh-${randomHex(4)}.config`), join(folder, `ssh-${randomHex(4)}`)];
  writeFileSync(config, `${lines.join('\n')}\n`);
  writeFileSync(program, `#!/bin/sh\nexec ssh -F ${config} "$@"\n`, { mode: 0o755 });
  return program;
}

async function pidInside(machine: ChildProcess): Promise<number> {
  const info = machine.stdio[3];
  if (info === null || info === undefined) throw new Error('bwrap says nothing');
  const [said] = (await Promise.race([
    once(info, 'data'),
    once(machine, 'exit').then(([code]) => Promise.reject(new Error(`bwrap ended with ${String(code)}`))),
  ])) as [Buffer];
  const pid = Number(/"child-pid": (\d+)/.exec(String(said))?.[1]);
  // What follows is for the namespaces of that process, which has them when it is there.
  readFileSync(`/proc/${pid}/stat`);
  return pid;
}

function tryRemove(folder: string): boolean {
  rmSync(folder, { recursive: true, force: true });
  return !existsSync(folder);
}
