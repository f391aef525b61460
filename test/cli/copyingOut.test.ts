// Copies out of a guest that has more than there is room for, and what copies leave that are killed.
import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuestTree } from '../../server/backends/kit/guestTree.ts';
import { serveSftp } from '../../server/backends/kit/sftpServer.ts';
import { download } from '../../server/copy/download.ts';
import { createTally } from '../../server/copy/tally.ts';
import { openFiles } from '../../server/sftp/client.ts';

describe('copying out of a guest', () => {
  let folder: string;
  let inside: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-out-'));
    inside = join(folder, 'inside');
    mkdirSync(inside);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function copy(name: string, to: string): Promise<void> {
    const { signal } = new AbortController();
    const tree = new GuestTree([{ source: inside, target: '/workspace', mode: 'ro' }]);
    const files = await openFiles(serveSftp({ tree, start: '/workspace', home: '/workspace' }), signal);
    const path = `/workspace/${name}`;
    try {
      await download(
        {
          source: { kind: 'guest', sandbox: 'box', path, folder: 'open', scope: 'itself' },
          target: { kind: 'host', path: to, scope: 'itself' },
          depth: 'recursive',
        },
        files,
        createTally({ progress: () => {}, signal }),
      );
    } finally {
      files.close();
    }
  }

  it('leaves room on the disk, and nothing of what did not fit', async function () {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    if (!mounted(disk)) {
      console.log('not run: a small disk can be mounted by root only');
      return this.skip();
    }
    try {
      writeFileSync(join(inside, 'large'), '');
      truncateSync(join(inside, 'large'), 1024 ** 3);
      mkdirSync(join(inside, 'many'));
      for (let at = 0; at < 150; at += 1) writeFileSync(join(inside, 'many', String(at)), '');
      await assert.rejects(copy('large', join(disk, 'large')), { code: 'storage' });
      assert.deepEqual(readdirSync(disk), []);
      await assert.rejects(copy('many', join(disk, 'many')), { code: 'storage' });
      assert.ok(statfsSync(disk).ffree > 0);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('takes away what a killed one left, and nothing else', async () => {
    writeFileSync(join(inside, 'file'), 'whole');
    const target = join(folder, 'target');
    mkdirSync(target);
    const { pid } = spawnSync('true');
    const others = ['file.heyvm-copy-notes', `file.heyvm-copy-${process.pid}-0a1b2c3d`, `file.heyvm-${pid}`];
    for (const name of [`file.heyvm-copy-${pid}-0a1b2c3d`, ...others])
      writeFileSync(join(target, name), 'half');
    await copy('file', target);
    assert.deepEqual(readdirSync(target).sort(), ['file', ...others].sort());
  });
});

function mounted(disk: string): boolean {
  const options = 'size=8m,nr_inodes=100';
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]).status === 0;
}
