// A machine that was planned for this host, on the volumes of another one: nothing of this host is left in it.
import { strict as assert } from 'node:assert';
import { type Machine, renderDomain } from '../domain.ts';
import { pathsIn } from './machine.ts';

const near: Machine = {
  name: 'heyvm-0123456789ab-sb-01234567',
  uuid: '3f0a2f2e-8f0e-4d0c-9c55-0123456789ab',
  id: 'sb-01234567',
  storeId: '0123456789ab',
  state: '/here/state',
  arch: 'x86_64',
  accelerator: 'tcg',
  memoryMiB: 1024,
  processors: 1,
  boot: { kind: 'kernel', kernel: '/here/vmlinux', initrd: '/here/initrd', commandLine: 'quiet' },
  disk: '/here/disk.qcow2',
  network: 'none',
  port: '/here/port',
  console: '/here/console.log',
  emulator: '/usr/bin/qemu-system-x86_64',
  share: { folder: '/here/stage', plan: '/here/stage.json' },
  shared: 'over 9p',
};

const stem = (digit: string): string => `heyvm-0123456789ab-sha256-${digit.repeat(40)}`;
const shared = [
  { role: 'disk', stem: stem('a'), format: 'qcow2', path: '/here/base' },
  { role: 'kernel', stem: stem('b'), format: 'raw', path: '/here/vmlinux' },
  { role: 'initrd', stem: stem('c'), format: 'raw', path: '/here/initrd' },
] as const;
const own = { disk: 'own.qcow2', seed: 'own-seed.iso' };
const names = [
  ...shared.flatMap(({ stem: each }) => [`${each}-00000001`, `${each}-00000001.whole`]),
  ...Object.values(own),
];
const paths = new Map(names.map(name => [name, `/pool/${name}`]));

describe('a machine on another host', () => {
  it('has the paths of that host, and none of this one besides the mark of whose it is', () => {
    const machine = pathsIn(paths, { machine: near, own, shared });
    assert.deepEqual(machine.boot, {
      ...near.boot,
      kernel: `/pool/${stem('b')}-00000001`,
      initrd: `/pool/${stem('c')}-00000001`,
    });
    assert.equal(machine.disk, '/pool/own.qcow2');
    assert.equal(machine.seed, undefined);
    assert.deepEqual(renderDomain(machine).match(/\/here\/[\w.]+/g), ['/here/state']);
  });

  it('has its seed where it needs one', () => {
    const machine: Machine = { ...near, boot: { kind: 'firmware' }, seed: '/here/seed.iso' };
    assert.equal(pathsIn(paths, { machine, own, shared }).seed, '/pool/own-seed.iso');
  });

  it('is refused when a file of its image was removed there', () => {
    const without = new Map([...paths].filter(([name]) => !name.startsWith(stem('b'))));
    assert.throws(() => pathsIn(without, { machine: near, own, shared }), { code: 'guest-failed' });
  });
});
