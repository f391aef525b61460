// What the tests keep between runs: shared by trees that want different ones, and dropped when nobody uses it.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dropUnused, isKept } from '../../scripts/lib/kept.ts';

describe('what is kept between runs', () => {
  it('stays beside newer ones while somebody uses it, and goes when nobody does', () => {
    const folder = mkdtempSync(join(tmpdir(), 'heyvm-kept-'));
    try {
      const [mine, used, old] = ['mine', 'used', 'old'].map(name => join(folder, name)) as [
        string,
        string,
        string,
      ];
      const longAgo = new Date(Date.now() - 30 * 24 * 3600_000);
      for (const path of [mine, used, old]) {
        mkdirSync(path);
        utimesSync(path, longAgo, longAgo);
      }
      assert.equal(isKept(join(folder, 'absent')), false);
      assert.ok(isKept(used));
      assert.equal(statSync(used).mtimeMs, longAgo.getTime());
      dropUnused(mine);
      assert.deepEqual(readdirSync(folder).sort(), ['mine', 'used']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
