// What a vendor's image is told at its first boot, read back by other programs than the one that wrote it.
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeHostKey } from '../../server/backends/libvirt/hostKey.ts';
import { seedFiles, writeSeed } from '../../server/backends/libvirt/seed.ts';
import { run } from '../../server/platform/run.ts';
import { machineContext } from '../contract/bench.ts';

describe('seed of a vendor’s image', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-seed-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('has a host key that OpenSSH reads, another one each time', async function () {
    if (!existsSync('/usr/bin/ssh-keygen')) {
      console.log('not run: ssh-keygen is not installed');
      return this.skip();
    }
    const key = makeHostKey();
    const file = join(folder, 'key');
    writeFileSync(file, key.private, { mode: 0o600 });
    const { stdout } = await run(['ssh-keygen', '-y', '-f', file]);
    assert.equal(stdout.trim(), key.public);
    assert.notEqual(makeHostKey().public, key.public);
  });

  it('opens no door: no user, no password, no authorized key', () => {
    const { 'user-data': text = '' } = seedFiles({ name: 'try', uuid: 'u' }, makeHostKey());
    assert.match(text, /^#cloud-config\n/);
    const told = JSON.parse(text.slice(text.indexOf('\n')));
    assert.deepEqual([told.users, told.ssh_pwauth, told.disable_root], [[], false, true]);
    assert.doesNotMatch(text, /authorized_keys|passwd|password"/);
  });

  it('is an image with the label that NoCloud looks for, and the guest program on it', async function () {
    if (!existsSync('/usr/bin/genisoimage')) {
      console.log('not run: genisoimage is not installed');
      return this.skip();
    }
    const seed = join(folder, 'seed.iso');
    const context = { ...machineContext(), state: folder, runtime: folder, progress: () => {} };
    for (const _twice of [1, 2]) await writeSeed(context, seed, { name: 'try', uuid: 'u' });
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
