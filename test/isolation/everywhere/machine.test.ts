// Attacks from inside any guest on the machine: settings of its kernel, its clock, its name, its devices, its log.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Guest } from '../../../server/core/guest.ts';
import { prisons, withTarget } from '../support/target.ts';

/** What can be set for the whole machine; those that this kernel has. */
const settings = [
  ...[
    'core_pattern',
    'core_uses_pid',
    'printk',
    'sysrq',
    'panic',
    'modprobe',
    'hotplug',
    'randomize_va_space',
  ],
  ...['dmesg_restrict', 'kptr_restrict', 'perf_event_paranoid', 'unprivileged_bpf_disabled', 'pid_max'],
]
  .map(name => `/proc/sys/kernel/${name}`)
  .concat(
    ['overcommit_memory', 'swappiness', 'drop_caches', 'panic_on_oom'].map(name => `/proc/sys/vm/${name}`),
  )
  .concat(['protected_hardlinks', 'protected_symlinks', 'suid_dumpable'].map(name => `/proc/sys/fs/${name}`))
  .concat([
    '/sys/kernel/uevent_helper',
    '/sys/module/printk/parameters/time',
    '/proc/irq/default_smp_affinity',
  ])
  .concat(['/sys/power/state', '/sys/kernel/mm/transparent_hugepage/enabled', '/proc/self/timens_offsets']);

describe('isolation everywhere: the machine', function () {
  this.timeout(120_000);

  for (const backend of prisons()) {
    describe(backend.manifest.id, () => {
      const target = withTarget(backend);

      it('its clock and its name stay as they are', async () => {
        const [name, before] = [hostname(), Date.now()];
        await target().sh(
          'hostname hacked; echo hacked >/proc/sys/kernel/hostname; date -s 2001-01-01; ' +
            'python3 -c "import time; time.clock_settime(time.CLOCK_REALTIME, 1)"; hwclock -w; true',
        );
        assert.equal(hostname(), name);
        assert.ok(Date.now() >= before && Date.now() - before < 120_000);
      });

      it('its log is not told', async function () {
        const own = spawnSync('dmesg', { encoding: 'utf8' }).stdout;
        const marker = own
          .split('\n')
          .find(line => line.includes('Command line:'))
          ?.replace(/^.*Command line:/, '');
        if (marker === undefined || marker.trim() === '') {
          console.log('not run: the log of this kernel cannot be read by us either');
          return this.skip();
        }
        const { stdout } = await target().sh(
          'dmesg; cat /dev/kmsg & sleep 0.3; kill $!; cat /proc/kmsg & sleep 0.3; kill $!; true',
        );
        assert.ok(!stdout.includes(marker.trim()));
      });

      it('its disks cannot be opened', async function () {
        const { dev } = statSync('/');
        const [major, minor] = [(dev >> 8) & 0xfff, dev & 0xff];
        const script =
          'd=$(mktemp -d); mknod $d/disk b $MAJOR $MINOR 2>/dev/null; ' +
          'dd if=$d/disk bs=1 skip=1128 count=16 2>/dev/null | od -An -tx1 | tr -d " \\n"; rm -rf $d';
        const names = `MAJOR=${major} MINOR=${minor}\n`;
        const own = spawnSync('bash', ['-c', names + script], { encoding: 'utf8' }).stdout;
        if (!/^[0-9a-f]{32}$/.test(own)) {
          console.log('not run: the disk of this machine cannot be read by us either');
          return this.skip();
        }
        const { stdout } = await target().sh(names + script);
        assert.notEqual(stdout.trim(), own, 'the guest reads the disk of the host');
      });

      it('devices of the host are not there', async () => {
        const { stdout } = await target().sh(
          'for d in kvm mem port kmsg fuse net/tun mapper/control loop-control nvram vhost-net vhost-vsock uinput; do ' +
            'dd if=/dev/$d of=/dev/null count=0 2>/dev/null && echo $d; done; true',
        );
        const own =
          target().capabilities.boundary === 'container'
            ? []
            : ['mem', 'port', 'kmsg', 'loop-control', 'fuse'];
        assert.deepEqual(
          stdout
            .split('\n')
            .filter(name => name !== '' && !own.includes(name) && !/^(nvram|mapper|net)/.test(name)),
          [],
        );
      });

      // The last one, because it is the end of a machine of one's own.
      it('settings of the kernel stay as they are', async () => {
        const before = settings.map(path => [path, read(path)]);
        const there = before.filter(([, value]) => value !== undefined).length;
        console.log(`      looked at ${there} settings`);
        assert.ok(there >= 12);
        const paths = settings.join(' ');
        await endured(
          target().guest,
          target().sh(
            `for f in ${paths}; do for v in 0 1 2 '|/workspace/x' never mem; do echo "$v" >"$f"; done; done 2>/dev/null; ` +
              `mount -o remount,rw /proc/sys; mount -o remount,rw /sys; mkdir -p /tmp/p; mount -t proc proc /tmp/p && echo 1 >/tmp/p/sys/kernel/panic; ` +
              `for f in ${paths}; do echo 1 >"$f"; done 2>/dev/null; true`,
          ),
        );
        const now = settings.map(path => [path, read(path)]);
        assert.deepEqual(now, before);
      });
    });
  }
});

/** It may be the end of the guest, or make it sleep for good. */
async function endured(guest: Guest, work: Promise<unknown>): Promise<void> {
  const tired = new Promise(resolve => setTimeout(resolve, 20_000).unref());
  await Promise.race([work.catch(() => undefined), guest.ended, tired]);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // This kernel has no such setting, or nobody may read it.
    return undefined;
  }
}
