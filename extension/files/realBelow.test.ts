// A guest can put links into what it shares.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realBelow } from './realBelow.ts';

describe('a path of a shared folder', () => {
  let base: string;
  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'hvb-')));
    mkdirSync(join(base, 'shared/inner'), { recursive: true });
    mkdirSync(join(base, 'private/inner'), { recursive: true });
    symlinkSync(join(base, 'shared'), join(base, 'known'));
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  it('is found, also where the folder itself is reached over a link', () => {
    assert.equal(realBelow(join(base, 'shared'), ''), join(base, 'shared'));
    assert.equal(realBelow(join(base, 'known'), 'inner'), join(base, 'shared/inner'));
  });

  it('is nowhere when a link leads out of the folder, or nothing is there', () => {
    symlinkSync(join(base, 'private'), join(base, 'shared/door'));
    for (const inside of ['door', 'door/inner', 'missing'])
      assert.equal(realBelow(join(base, 'shared'), inside), undefined, inside);
  });
});
