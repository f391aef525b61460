// The emulator for the system's libvirt lies where all stores of a person find it, and goes when no machine uses it.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  findQemu,
  prepareEmulator,
  tryEmulator,
  withEmulator,
} from '../../server/backends/libvirt/emulator.ts';
import { clearEmulators, openFolder } from '../../server/backends/libvirt/emulatorUsers.ts';
import { machineContext } from '../contract/bench.ts';
import { skipBecause } from '../process/support/engine.ts';

describe('the emulator for the system’s libvirt', () => {
  const context = machineContext();
  const qemu = findQemu() ?? '';
  let folder: string;

  before(function () {
    // Others of this user may have one there.
    if (existsSync(openFolder())) skipBecause(this, `${openFolder()} is in use`);
    if (qemu === '') skipBecause(this, 'QEMU is not installed');
    if (!existsSync(context.agent)) skipBecause(this, 'the guest program is not built');
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hvl-'));
  });

  afterEach(async () => {
    rmSync(folder, { recursive: true, force: true });
    await clearEmulators();
  });

  const machine = (name: string) => {
    const state = join(folder, name);
    mkdirSync(state);
    return { name, state };
  };

  it('stays while a machine of any store uses it, and is named when it goes', async () => {
    const [one, two] = [machine('one'), machine('two')];
    const emulator = await prepareEmulator(context, qemu, 'system', one);
    assert.equal(await prepareEmulator(context, qemu, 'system', two), emulator);
    assert.equal(statSync(dirname(emulator)).mode & 0o777, 0o755);
    assert.deepEqual(await clearEmulators(), []);
    rmSync(one.state, { recursive: true });
    assert.deepEqual(await clearEmulators(), []);
    assert.match(await tryEmulator(context, emulator), /^[0-9.]+$/);
    rmSync(two.state, { recursive: true });
    assert.deepEqual(await clearEmulators(), [
      { what: 'an emulator that no machine uses', path: dirname(emulator) },
    ]);
    assert.ok(!existsSync(openFolder()));
  });

  it('stays while somebody asks about it, and no longer', async () => {
    const emulator = await withEmulator(context, qemu, 'system', async path => {
      assert.deepEqual(await clearEmulators(), []);
      return path;
    });
    assert.ok(existsSync(emulator));
    assert.equal((await clearEmulators()).length, 1);
  });

  it('is there for everyone who asks while others clear it away', async () => {
    const machines = Array.from({ length: 40 }, (_, index) => machine(`m${index}`));
    const clearing = (async () => {
      for (let round = 0; round < 40; round += 1) await clearEmulators();
    })();
    const found = await Promise.all(machines.map(each => prepareEmulator(context, qemu, 'system', each)));
    await clearing;
    for (const emulator of found) assert.ok(existsSync(emulator), emulator);
  });

  it('that was left half made goes when nobody can be at it any more', async () => {
    const emulator = await withEmulator(context, qemu, 'system', async path => path);
    const half = `${dirname(emulator)}.0123.new`;
    mkdirSync(half);
    writeFileSync(join(half, 'heyvm-qemu'), '');
    await clearEmulators();
    assert.deepEqual(
      readdirSync(openFolder()),
      ['0123'].map(() => half.slice(openFolder().length + 1)),
    );
    rmSync(half, { recursive: true });
  });
});
