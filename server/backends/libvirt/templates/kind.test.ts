// A template is only found by machines of its own kind: whatever a running kernel could notice makes another one.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../domain.ts';
import { type Kind, keyOf } from './kind.ts';

describe('kinds of machines', () => {
  let folder: string;
  let kind: Kind;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-kind-'));
    const [kernel, initrd] = ['kernel', 'initrd'].map(name => join(folder, name)) as [string, string];
    for (const file of [kernel, initrd]) writeFileSync(file, 'content');
    const machine: Machine = {
      ...{ name: 'one', uuid: 'a', id: 'sb-00000001', storeId: 'store', arch: 'x86_64', accelerator: 'tcg' },
      state: '/one',
      ...{ memoryMiB: 512, processors: 1, disk: '/one/disk', network: 'none', port: '/one/port' },
      boot: { kind: 'kernel', kernel, initrd, commandLine: 'quiet' },
      ...{ console: '/one/console', emulator: '/emulators/1/qemu' },
      share: { folder: '/one/stage', plan: '/one/plan' },
      shared: 'over 9p',
    };
    kind = { machine, imageDigest: 'sha256:1', versions: 'libvirt 9.0.0\nQEMU 7.2.22\n' };
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are the same for two sandboxes that differ in what is their own', async () => {
    const other: Machine = {
      ...kind.machine,
      ...{
        name: 'two',
        uuid: 'b',
        id: 'sb-00000002',
        storeId: 'other',
        state: '/two',
        disk: '/two/disk',
        port: '/two/port',
      },
      seed: '/two/seed',
      ...{ console: '/two/console', share: { folder: '/two/stage', plan: '/two/plan' } },
    };
    const seeded = withMachine(kind, { seed: '/one/seed' });
    assert.equal(await keyOf({ ...seeded, machine: other }), await keyOf(seeded));
    assert.notEqual(await keyOf(seeded), await keyOf(kind));
  });

  const changes: readonly [string, (kind: Kind) => Kind][] = [
    ['the image', known => ({ ...known, imageDigest: 'sha256:2' })],
    ['the version of QEMU or libvirt', known => ({ ...known, versions: 'libvirt 9.0.0\nQEMU 7.2.23\n' })],
    ['the emulator or the guest program', known => withMachine(known, { emulator: '/emulators/2/qemu' })],
    ['the memory', known => withMachine(known, { memoryMiB: 513 })],
    ['the size of the disk', known => ({ ...known, diskBytes: 2 ** 33 })],
    ['what its system was told', known => ({ ...known, told: 'who may come in' })],
    ['the number of processors', known => withMachine(known, { processors: 2 })],
    ['the network', known => withMachine(known, { network: 'open' })],
    ['the accelerator', known => withMachine(known, { accelerator: 'kvm' })],
  ];
  for (const [what, change] of changes) {
    it(`differ by ${what}`, async () => {
      assert.notEqual(await keyOf(change(kind)), await keyOf(kind));
    });
  }

  for (const file of ['kernel', 'initrd']) {
    it(`differ when the ${file} was replaced`, async () => {
      const known = await keyOf(kind);
      writeFileSync(join(folder, file), 'changed');
      utimesSync(join(folder, file), 1, 1);
      assert.notEqual(await keyOf(kind), known);
    });
  }
});

function withMachine(kind: Kind, change: Partial<Machine>): Kind {
  return { ...kind, machine: { ...kind.machine, ...change } };
}
