// The empty layers that new disks are copies of.
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearLayers, layOver } from '../../server/backends/libvirt/layers.ts';
import { run } from '../../server/platform/run.ts';

describe('layers over a disk', () => {
  let folder: string;
  let base: { path: string; format: string };
  const asked: string[] = [];
  const tools = () => ({
    signal: new AbortController().signal,
    cache: join(folder, 'cache'),
    run: ((argv, options) => {
      asked.push(argv[0]);
      return run(argv, options);
    }) as typeof run,
  });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-layers-'));
    base = { path: join(folder, 'base.qcow2'), format: 'qcow2' };
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', base.path, '64M']);
    asked.splice(0);
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are what qemu-img makes, which is asked once for each disk below', async () => {
    const [first, second, wanted] = ['first', 'second', 'wanted'].map(name => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await Promise.all([layOver(tools(), base, first), layOver(tools(), base, join(folder, 'other'))]);
    const before = asked.length;
    await layOver(tools(), base, second);
    assert.equal(asked.length, before);
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base.path, wanted]);
    for (const disk of [first, second]) {
      assert.deepEqual(readFileSync(disk), readFileSync(wanted));
      assert.equal(statSync(disk).mode & 0o777, 0o600);
    }
  });

  it('are each over their own disk', async () => {
    const other = { ...base, path: join(folder, 'larger.qcow2') };
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', other.path, '128M']);
    for (const below of [base, other]) {
      const disk = `${below.path}.layer`;
      await layOver(tools(), below, disk);
      const { stdout } = await run(['qemu-img', 'info', '--output=json', '--backing-chain', disk]);
      const [top, bottom] = JSON.parse(stdout);
      assert.equal(top['full-backing-filename'], below.path);
      assert.equal(top['virtual-size'], bottom['virtual-size']);
    }
  });

  it('are made again when they were cleared away', async () => {
    await layOver(tools(), base, join(folder, 'first'));
    await clearLayers(tools());
    await layOver(tools(), base, join(folder, 'second'));
    assert.deepEqual(readFileSync(join(folder, 'second')), readFileSync(join(folder, 'first')));
  });

  it('leave nothing of one that could not be made', async () => {
    const disk = join(folder, 'disk');
    await assert.rejects(layOver(tools(), { ...base, path: join(folder, 'absent') }, disk));
    assert.equal(existsSync(disk), false);
    assert.deepEqual(readdirSync(join(folder, 'cache', 'layers')), []);
  });
});
