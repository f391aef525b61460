// Copies folders that a guest wrote: content, links and permissions come along, what leads elsewhere or is huge does not.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyTree } from './copyTree.ts';

describe('copies of what a guest wrote', () => {
  let folder: string;
  let from: string;
  let to: string;
  const signal = new AbortController().signal;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-copy-'));
    [from, to] = [join(folder, 'from'), join(folder, 'to')];
    for (const path of [from, to]) mkdirSync(path);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('have the same content, permissions and links', async () => {
    const content = randomBytes(300_000);
    mkdirSync(join(from, 'deep'), { mode: 0o750 });
    writeFileSync(join(from, 'deep', 'file'), content, { mode: 0o640 });
    writeFileSync(join(from, 'empty'), '');
    symlinkSync('/etc/passwd', join(from, 'link'));
    await copyTree(from, to, signal);
    assert.ok(readFileSync(join(to, 'deep', 'file')).equals(content));
    assert.deepEqual(
      [statSync(join(to, 'deep')).mode & 0o777, statSync(join(to, 'deep', 'file')).mode & 0o777],
      [0o750, 0o640],
    );
    assert.equal(statSync(join(to, 'empty')).size, 0);
    assert.equal(readlinkSync(join(to, 'link')), '/etc/passwd');
  });

  it('take no more room than the originals, however large these say to be', async () => {
    const huge = join(from, 'huge');
    writeFileSync(huge, 'beginning');
    truncateSync(huge, 64 * 1024 * 1024);
    writeFileSync(huge, 'end', { flag: 'a' });
    await copyTree(from, to, signal);
    const copy = statSync(join(to, 'huge'));
    assert.equal(copy.size, statSync(huge).size);
    assert.ok(copy.blocks * 512 < 1024 * 1024, `it takes ${copy.blocks * 512} bytes`);
    const bytes = readFileSync(join(to, 'huge'));
    assert.deepEqual(
      [bytes.toString('utf8', 0, 9), bytes.toString('utf8', bytes.length - 3)],
      ['beginning', 'end'],
    );
  });

  it('end when they are cancelled in the middle of a file', async () => {
    writeFileSync(join(from, 'huge'), '');
    truncateSync(join(from, 'huge'), 2 ** 40);
    const cancelled = AbortSignal.timeout(50);
    await assert.rejects(copyTree(from, to, cancelled), { name: 'TimeoutError' });
  });

  it('leave out what is neither file, folder nor link', async () => {
    execFileSync('mkfifo', [join(from, 'pipe')]);
    await copyTree(from, to, signal);
    assert.deepEqual(readdirSync(to), []);
    assert.equal(lstatSync(join(from, 'pipe')).isFIFO(), true);
  });
});
