// Attacks from inside on the kernel: calls that escapes are made of, tried for real.
import { strict as assert } from 'node:assert';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withAttacker } from './attacker.ts';

const refused: Readonly<Record<string, readonly string[]>> = {
  'mount anything': [
    'mount',
    'mount-bind',
    'remount',
    'umount',
    'fsopen',
    'open-tree',
    'move-mount',
    'mount-setattr',
  ],
  'change its root': ['pivot-root', 'chroot'],
  'make namespaces': ['unshare-user', 'unshare-mount', 'clone-user', 'clone-net'],
  'join namespaces': ['setns-pid', 'setns-mount', 'setns-user'],
  'use kernel keyrings': ['keyctl', 'add-key', 'request-key'],
  'load programs into the kernel': ['bpf', 'init-module', 'kexec'],
  'use the large interfaces': ['perf', 'io-uring', 'userfaultfd', 'fanotify'],
  'open files by handle': ['by-handle'],
  'change the machine': ['reboot', 'settimeofday', 'adjtimex', 'swapon', 'acct', 'sethostname', 'quotactl'],
  'read the kernel log': ['syslog'],
  'switch off address randomisation': ['personality'],
  'make device files': ['mknod-device'],
  'open raw and packet sockets': ['raw-socket', 'packet-socket'],
  'reach the hypervisor or the kernel by rare sockets': ['vsock', 'alg-socket'],
  'become somebody else': ['setuid-zero', 'setgroups'],
  'raise its limits or priority': ['raise-limit', 'raise-priority'],
  'make files that lend an identity': ['setuid-chmod', 'setgid-chmod', 'setuid-open', 'setuid-mknod'],
};

describe('isolation: the kernel', () => {
  const attacker = withAttacker({
    prepare: ({ workspace }) => writeVictim(join(workspace, 'victim')),
  });

  for (const [what, attacks] of Object.entries(refused)) {
    it(`a guest cannot ${what}`, async () => {
      const mine = process.getuid?.() ?? 0;
      for (const name of attacks) {
        const answer = await attacker().attack(name, name === 'setuid-zero' ? mine : 1);
        assert.match(answer, /^(EPERM|EACCES|EAFNOSUPPORT|EINVAL)$/, name);
        if (answer === 'EINVAL') assert.ok(['setuid-zero', 'setgroups'].includes(name), `${name}: ${answer}`);
      }
    });
  }

  it('clone3 is answered as if the kernel did not have it, so that C libraries fall back', async () => {
    assert.equal(await attacker().attack('clone3'), 'ENOSYS');
    assert.equal(await attacker().attack('clone3-user'), 'ENOSYS');
  });

  it('calls of other interfaces of the processor do not slip past the filter', async function () {
    if (process.arch !== 'x64') {
      console.log('not run: only x86_64 has other interfaces');
      return this.skip();
    }
    assert.match(await attacker().attack('x32'), /EPERM|ENOSYS/);
    assert.equal(await attacker().attack('i386'), 'SYS');
    assert.equal(await attacker().attack('iopl'), 'EPERM');
  });

  it('has no capabilities, no way to new privileges, and the filter', async () => {
    const { stdout } = await attacker().sh('cat /proc/self/status');
    const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(stdout)?.[1] ?? '';
    for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      assert.match(field(name), /^0+$/, name);
    assert.deepEqual([field('NoNewPrivs'), field('Seccomp')], ['1', '2']);
  });

  it('cannot make user namespaces with the usual programs', async () => {
    const { stdout } = await attacker().sh(
      'unshare -U true && echo made; bwrap --ro-bind / / true && echo nested; true',
    );
    assert.equal(stdout, '');
  });

  it('cannot change the settings of the kernel', async () => {
    const setting = '/proc/sys/kernel/core_pattern';
    const before = readFileSync(setting, 'utf8');
    const { stdout } = await attacker().sh(
      `echo '|/workspace/attack' >${setting} && echo changed; echo 1 >/proc/sys/vm/drop_caches && echo dropped; echo b >/proc/sysrq-trigger && echo asked; true`,
    );
    assert.deepEqual([stdout, readFileSync(setting, 'utf8')], ['', before]);
  });

  it('sees no writable entry of /proc that is not about a process of its own', async () => {
    const { stdout } = await attacker().sh(
      "find /proc -maxdepth 3 -not -path '/proc/[0-9]*' -not -path '/proc/self*' -not -path '/proc/thread-self*' -not -path '/proc/pressure*' -type f -perm /222 -writable 2>/dev/null | grep -v '^/proc/sys/' | while read f; do (: >>$f) 2>/dev/null && echo $f; done; true",
    );
    assert.equal(stdout, '');
  });

  it('cannot read what /proc and /sys tell about the kernel', async () => {
    const { stdout } = await attacker().sh(
      'cat /proc/kcore /proc/kallsyms /proc/keys /proc/kmsg /proc/timer_list /proc/slabinfo 2>/dev/null | head -c 100; ls /sys /proc/fs /proc/acpi 2>/dev/null | grep -v : ; dmesg 2>/dev/null; true',
    );
    assert.equal(stdout.trim(), '');
  });

  it('has six devices and its own terminals, and cannot change those of the host', async () => {
    const { stdout } = await attacker().sh('ls /dev; find /dev -type b; touch /dev/new && echo made; true');
    const names = [
      'core',
      'fd',
      'full',
      'null',
      'ptmx',
      'pts',
      'random',
      'shm',
      'stderr',
      'stdin',
      'stdout',
      'tty',
      'urandom',
      'zero',
    ];
    assert.deepEqual(stdout.trim().split('\n'), names);
    const before = statSync('/dev/full').mode;
    await attacker().sh('chmod 600 /dev/full; touch -d 2001-01-01 /dev/full');
    assert.equal(statSync('/dev/full').mode, before);
    assert.ok(statSync('/dev/full').mtimeMs > 0);
  });

  it('gains nothing from programs that lend privileges', async () => {
    const found = await attacker().sh('find /usr/bin /usr/sbin /usr/lib -xdev -perm -4000 2>/dev/null');
    const { stdout } = await attacker().sh(
      'su -c id </dev/null; mount -t tmpfs none /tmp; echo done; id -u; grep nosuid /proc/self/mounts | grep -c " /usr "',
    );
    assert.deepEqual(
      stdout.trim().split('\n'),
      ['done', String(process.getuid?.()), '1'],
      `with ${found.stdout}`,
    );
  });

  it('leaves no core dump, and no handler of the host is started for one', async () => {
    const { stdout, status } = await attacker().sh(
      'ulimit -Hc; cd /workspace; sh -c "kill -SEGV \\$\\$"; ls | grep -c "^core"',
    );
    // The unit of the shell is half a kilobyte, so that one byte shows as zero.
    assert.deepEqual([stdout, status], ['0\n0\n', { kind: 'exited', code: 1 }]);
  });
});

describe('isolation: terminals', () => {
  const attacker = withAttacker();

  for (const name of ['tiocsti', 'tioclinux']) {
    it(`a guest cannot use ${name.toUpperCase()} on its terminal`, async () => {
      const { guest } = attacker();
      const pty = { term: 'xterm', size: { columns: 80, rows: 24 } };
      const child = await guest.exec({ argv: ['/workspace/attack', name], pty });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      await child.exited;
      assert.match(said, /^EPERM/);
    });
  }
});

function writeVictim(path: string): void {
  writeFileSync(path, 'x', { mode: 0o755 });
}
