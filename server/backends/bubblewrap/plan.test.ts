// Tables of requests and hosts, and the plans that follow from them.
import { strict as assert } from 'node:assert';
import type { LaunchRequest } from '../../core/backend.ts';
import { coveringMount } from '../../core/launch.ts';
import { SandboxId } from '../../protocol/sandbox.ts';
import { type HostFacts, type PlanInput, planLaunch } from './plan.ts';
import { canForbidNesting } from './system.ts';

const host: HostFacts = {
  arch: 'x64',
  kernel: '6.1.0',
  uid: 1000,
  gid: 1001,
  top: [{ path: '/bin', link: 'usr/bin' }, { path: '/lib64' }],
  etc: ['/etc/alternatives', '/etc/ssl/certs'],
  masks: [
    { path: '/proc/sys', kind: 'settings' },
    { path: '/proc/keys', kind: 'file' },
    { path: '/proc/acpi', kind: 'folder' },
  ],
  shell: '/bin/bash',
  resolv: 'nameserver 192.0.2.1\n',
  nesting: 'forbidden',
  bwrap: '/usr/bin/bwrap',
  agent: '/lib/guest',
  runtimeFolders: [],
};

const request: LaunchRequest = {
  id: SandboxId.parse('sb-0123abcd'),
  name: 'wt-x',
  type: 'general',
  runtime: 'shell',
  workspace: '/w',
  mounts: [{ source: '/w', target: '/workspace', mode: 'rw' }],
  env: {},
  network: 'none',
  limits: {},
  owner: { uid: 1000, gid: 1000 },
  options: {},
  cold: false,
};

function plan(
  change: { request?: Partial<LaunchRequest>; host?: Partial<HostFacts>; rest?: Partial<PlanInput> } = {},
) {
  return planLaunch({
    request: { ...request, ...change.request },
    host: { ...host, ...change.host },
    state: '/state',
    socket: '/run/guest',
    cgroups: [],
    devices: 'shared',
    rlimits: {},
    ...change.rest,
  });
}

/** Where a run of words stands in the arguments, or -1. */
function find(words: readonly string[], ...wanted: string[]): number {
  return words.findIndex((_, at) => wanted.every((word, index) => words[at + index] === word));
}

describe('plan', () => {
  it('unshares every namespace, drops every capability and dies with its parent', () => {
    const words = plan().arguments;
    for (const name of ['user', 'pid', 'ipc', 'uts', 'cgroup', 'net'])
      assert.ok(words.includes(`--unshare-${name}`), name);
    assert.ok(find(words, '--cap-drop', 'ALL') >= 0);
    for (const flag of ['--die-with-parent', '--new-session', '--disable-userns', '--clearenv'])
      assert.ok(words.includes(flag), flag);
  });

  it('gives the user the name and the home that were asked for', () => {
    const { arguments: words, files } = plan({ request: { user: 'vscode' } });
    assert.ok(find(words, '--bind', '/state/home', '/home/vscode') >= 0);
    for (const name of ['USER', 'LOGNAME']) assert.ok(find(words, '--setenv', name, 'vscode') >= 0, name);
    assert.ok(find(words, '--setenv', 'HOME', '/home/vscode') >= 0);
    const passwd = files.find(({ path }) => path === '/etc/passwd')?.content ?? '';
    assert.match(passwd, /^vscode:x:1000:1001:heyvm:\/home\/vscode:/);
    assert.ok(!words.some(word => word.includes('dev:') || word.includes('/home/dev')));
  });

  it('shares the network only when it is open, and tells name servers only then', () => {
    const closed = plan();
    const open = plan({ request: { network: 'open' } });
    assert.ok(closed.arguments.includes('--unshare-net'));
    assert.ok(!open.arguments.includes('--unshare-net'));
    const resolv = (files: typeof open.files) =>
      files.find(({ path }) => path === '/etc/resolv.conf')?.content;
    assert.equal(resolv(closed.files), undefined);
    assert.equal(resolv(open.files), 'nameserver 192.0.2.1\n');
  });

  it('leaves namespaces to the filter where bubblewrap cannot forbid them', () => {
    assert.ok(!plan({ host: { nesting: 'filtered' } }).arguments.includes('--disable-userns'));
  });

  it('shows the system as the host has it: links as links, folders read-only', () => {
    const words = plan().arguments;
    assert.ok(find(words, '--ro-bind', '/usr', '/usr') >= 0);
    assert.ok(find(words, '--symlink', 'usr/bin', '/bin') >= 0);
    assert.ok(find(words, '--ro-bind', '/lib64', '/lib64') >= 0);
  });

  it('shows of /etc what is listed, and nothing of other trees of the host', () => {
    const words = plan().arguments;
    assert.ok(find(words, '--ro-bind', '/etc/ssl/certs', '/etc/ssl/certs') >= 0);
    assert.equal(find(words, '--ro-bind', '/etc', '/etc'), -1);
    const sources = words.filter((_, at) =>
      ['--bind', '--ro-bind', '--dev-bind'].includes(words[at - 1] ?? ''),
    );
    const foreign = sources.filter(
      source => !/^\/(usr|lib64|etc\/|state\/|lib\/guest|w$|dev\/null|proc\/sys)/.test(source),
    );
    assert.deepEqual(foreign, []);
  });

  it('covers what /proc tells about the host', () => {
    const words = plan().arguments;
    const proc = find(words, '--proc', '/proc');
    assert.ok(find(words, '--ro-bind', '/proc/sys', '/proc/sys') > proc);
    assert.ok(find(words, '--ro-bind', '/dev/null', '/proc/keys') > proc);
    assert.ok(find(words, '--tmpfs', '/proc/acpi', '--remount-ro', '/proc/acpi') > proc);
  });

  it('gives a guest of root devices of its own', () => {
    assert.equal(find(plan().arguments, '--dev-bind'), -1);
    const words = plan({ rest: { devices: 'copied' } }).arguments;
    const at = find(words, '--dev-bind', '/state/dev/null', '/dev/null');
    assert.ok(at > find(words, '--dev', '/dev') && at < find(words, '--remount-ro', '/dev'));
  });

  it('lays mounts in the order of the request, before the root is made read-only', () => {
    const words = plan({
      request: {
        mounts: [
          { source: '/w', target: '/workspace', mode: 'rw' },
          { source: '/repo/.git', target: '/repo/.git', mode: 'ro' },
          { source: '/repo/.git/objects', target: '/repo/.git/objects', mode: 'rw' },
        ],
      },
    }).arguments;
    const order = [
      find(words, '--bind', '/state/home', '/home/dev'),
      find(words, '--bind', '/w', '/workspace'),
      find(words, '--ro-bind', '/repo/.git', '/repo/.git'),
      find(words, '--bind', '/repo/.git/objects', '/repo/.git/objects'),
      find(words, '--remount-ro', '/'),
    ];
    assert.ok(order[0]! >= 0);
    assert.deepEqual(
      order,
      [...order].sort((left, right) => left - right),
    );
  });

  it('refuses mount points that would cover the system', () => {
    for (const target of [
      '/usr',
      '/etc/passwd',
      '/proc/self',
      '/home/dev',
      '/tmp',
      '/',
      'x',
      '/a/../etc',
      '/a/',
      '/a//b',
      '/opt/heyvm/x',
    ]) {
      const mounts = [{ source: '/x', target, mode: 'ro' as const }];
      assert.throws(() => plan({ request: { mounts } }), { code: 'usage' }, target);
    }
    for (const target of [
      '/tmp/repo/.git',
      '/home/somebody/repo',
      '/root/repo/.git',
      '/srv',
      '/opt/tool',
      '/a.b/..c',
      '/usr2',
    ]) {
      const mounts = [{ source: '/x', target, mode: 'ro' as const }];
      assert.ok(plan({ request: { mounts } }).arguments.includes(target), target);
    }
  });

  it('lets the request add to the environment and change it', () => {
    const words = plan({ request: { env: { LANG: 'de_DE.UTF-8', MORE: 'a b' } } }).arguments;
    const set = (name: string): string | undefined => words[find(words, '--setenv', name) + 2];
    assert.deepEqual(
      [set('LANG'), set('MORE'), set('HOME'), set('WORKSPACE'), set('HEYVM_SANDBOX')],
      ['de_DE.UTF-8', 'a b', '/home/dev', '/workspace', 'wt-x'],
    );
  });

  it('shows a runtime from elsewhere below /opt/heyvm, first in PATH', () => {
    const words = plan({
      host: { runtimeFolders: [{ name: 'node', prefix: '/home/u/.nvm/v22' }] },
    }).arguments;
    assert.ok(find(words, '--ro-bind', '/home/u/.nvm/v22', '/opt/heyvm/node') >= 0);
    assert.match(words[find(words, '--setenv', 'PATH') + 2] ?? '', /^\/opt\/heyvm\/node\/bin:/);
  });

  it('bounds temporary folders when memory is bounded', () => {
    assert.ok(!plan().arguments.includes('--size'));
    const words = plan({ request: { limits: { memory: 1000 } } }).arguments;
    for (const [path, mode] of [
      ['/tmp', '1777'],
      ['/run', '0755'],
      ['/dev/shm', '1777'],
    ] as const) {
      assert.ok(find(words, '--size', '1000', '--perms', mode, '--tmpfs', path) >= 0, path);
    }
  });

  it('says nothing of the environment or the mounts in the process list of the host', () => {
    const { argv } = plan({ request: { env: { TOKEN: 'secret' } } });
    assert.ok(argv.every(word => !word.includes('secret') && !word.includes('/workspace')));
  });

  it('starts through the launcher: socket, groups, limits, then bubblewrap, then the guest program', () => {
    const { argv } = plan({ rest: { cgroups: ['/cg/a', '/cg/b'], rlimits: { memory: 5, pids: 7 } } });
    assert.deepEqual(argv.slice(0, 2), ['/lib/guest', 'launch']);
    assert.ok(find(argv, '--listen', '/run/guest', '--listen-fd', '6') > 0);
    assert.ok(find(argv, '--cgroup', '/cg/a', '--cgroup', '/cg/b') > 0);
    assert.ok(find(argv, '--rlimit', 'DATA=5') > 0);
    const inside = argv.slice(argv.lastIndexOf('/usr/bin/bwrap'));
    assert.deepEqual(inside, [
      ...[
        '/usr/bin/bwrap',
        '--hostname',
        'wt-x',
        '--args',
        '3',
        '--',
        '/opt/heyvm/guest',
        'launch',
        '--rlimit',
        'NPROC=15',
        '--',
      ],
      ...['/opt/heyvm/guest', 'serve', '--fd', '6', '--lifeline', '0'],
    ]);
  });

  it('names the person inside dev, whoever starts it, and nobody of the host', () => {
    const passwd = (uid: number): string =>
      plan({ host: { uid, gid: uid } }).files.find(({ path }) => path === '/etc/passwd')?.content ?? '';
    assert.match(passwd(1000), /^dev:x:1000:1000:.*:\/home\/dev:\/bin\/bash\nroot:x:0:0:/);
    assert.match(passwd(0), /^dev:x:0:0:/);
    assert.equal(passwd(0).match(/:0:0:/g)?.length, 1);
  });

  it('gives each sandbox a machine id of its own', () => {
    const id = (text: string): string | undefined =>
      plan({ request: { id: SandboxId.parse(text) } }).files.find(({ path }) => path === '/etc/machine-id')
        ?.content;
    assert.match(id('sb-00000001') ?? '', /^[0-9a-f]{32}\n$/);
    assert.notEqual(id('sb-00000001'), id('sb-00000002'));
  });

  it('lets debuggers in only when the option says so', () => {
    assert.notDeepEqual(plan({ request: { options: { debug: true } } }).filter, plan().filter);
    assert.throws(() => plan({ request: { options: { nonsense: 1 } } }), { code: 'settings-broken' });
  });
});

describe('facts of the host', () => {
  it('tell whether bubblewrap can write the setting that forbids namespaces', () => {
    const line = (folder: string, options: string): string =>
      `22 27 0:21 / ${folder} ${options} - proc proc rw`;
    assert.equal(canForbidNesting(line('/proc', 'rw,relatime')), true);
    assert.equal(canForbidNesting(`${line('/proc', 'rw')}\n${line('/proc/sys', 'ro,nosuid')}`), false);
    assert.equal(canForbidNesting(line('/proc', 'ro')), false);
  });

  it('tell which mount a mount point lies in: the latest that covers it', () => {
    const mounts = [
      { source: '/w', target: '/workspace', mode: 'rw' },
      { source: '/i', target: '/workspace/inner', mode: 'ro' },
    ] as const;
    assert.equal(coveringMount(mounts, '/workspace/inner/deep')?.source, '/i');
    assert.equal(coveringMount(mounts, '/workspace/inner2')?.source, '/w');
    assert.equal(coveringMount(mounts, '/elsewhere'), undefined);
  });
});
