// What a vendor's image is told at its first boot, read back by other programs than the one that wrote it.
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seedFiles, writeSeed } from '../../server/backends/libvirt/seed.ts';
import { run } from '../../server/platform/run.ts';
import { ensureSshKey } from '../../server/platform/sshKey.ts';
import { machineContext } from '../contract/bench.ts';

describe('seed of a vendor’s image', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-seed-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('opens no door but for the managed key: no user, no password', async () => {
    const host = await ensureSshKey(join(folder, 'key'));
    const { 'user-data': text = '' } = seedFiles('try', { host, authorized: 'ours' });
    assert.match(text, /^#cloud-config\n/);
    const told = JSON.parse(text.slice(text.indexOf('\n')));
    assert.deepEqual([told.users, told.ssh_pwauth, told.disable_root], [[{ name: 'root' }], false, true]);
    assert.doesNotMatch(text, /passwd|password"/);
    assert.deepEqual(told.write_files[0].content, 'ours heyvm\n');
    assert.equal(told.ssh_keys.ed25519_public, `${host.publicLine} heyvm`);
  });

  it('lets a machine go on from the first boot of another one that was told the same', async () => {
    const metaOf = async (name: string, authorized: string): Promise<Record<string, string>> => {
      const host = await ensureSshKey(join(folder, name));
      return JSON.parse(seedFiles(name, { host, authorized })['meta-data'] ?? '');
    };
    const [one, two, other] = [
      await metaOf('one', 'ours'),
      await metaOf('two', 'ours'),
      await metaOf('one', 'theirs'),
    ];
    assert.equal(one['instance-id'], two['instance-id']);
    assert.notEqual(one['instance-id'], other['instance-id']);
    assert.notEqual(one['local-hostname'], two['local-hostname']);
  });

  it('is an image with the label that NoCloud looks for, and the guest program on it', async function () {
    if (!existsSync('/usr/bin/genisoimage')) {
      console.log('not run: genisoimage is not installed');
      return this.skip();
    }
    const seed = join(folder, 'seed.iso');
    const context = { ...machineContext(), state: folder, runtime: folder, progress: () => {} };
    const places = { seed, hostKey: join(folder, 'key') };
    const keys = new Set<string>();
    for (const _twice of [1, 2]) {
      await writeSeed(context, places, 'try');
      keys.add((await ensureSshKey(places.hostKey)).publicLine);
    }
    assert.equal(keys.size, 1);
    const { stdout: about } = await run(['isoinfo', '-d', '-i', seed]);
    assert.match(about, /^Volume id: cidata$/m);
    const { stdout: names } = await run(['isoinfo', '-f', '-R', '-i', seed]);
    assert.deepEqual(names.trim().split('\n').sort(), [
      '/heyvm-guest',
      '/meta-data',
      '/network-config',
      '/user-data',
    ]);
  });
});
