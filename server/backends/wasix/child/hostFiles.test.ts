// The files of a guest as the runtime asks for them, over a real folder.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuestTree } from '../../kit/guestTree.ts';
import { type HostFiles, hostFiles } from './hostFiles.ts';

describe('the files that the runtime asks for', () => {
  let folder: string;
  let ask: HostFiles;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-host-files-'));
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'one'), '1');
    const tree = new GuestTree([{ source: folder, target: '/workspace', mode: 'rw' }]);
    ask = hostFiles(tree, new Map([[1, '/workspace']]));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const names = () => ask(1, 'readDir', ['/']);

  it('are listed with links as what they lead to, and without those that lead out', () => {
    symlinkSync('one', join(folder, 'link'));
    symlinkSync('/etc/passwd', join(folder, 'out'));
    assert.deepEqual(
      new Set(names() as object[]),
      new Set([
        { name: 'sub', kind: 'directory', size: statSync(join(folder, 'sub')).size },
        { name: 'one', kind: 'file', size: 1 },
        { name: 'link', kind: 'file', size: 1 },
      ]),
    );
  });

  it('are listed anew after any change of the guest', () => {
    const before = names();
    assert.equal(names(), before);
    ask(1, 'mkdir', ['/more']);
    assert.equal((names() as object[]).length, 3);
    const open = ask(1, 'open', ['/one', true, true, false, false, false, false]);
    ask(1, 'write', [open, 0, new Uint8Array(5)]);
    ask(1, 'close', [open]);
    assert.ok((names() as { size: number }[]).some(({ size }) => size === 5));
  });
});
