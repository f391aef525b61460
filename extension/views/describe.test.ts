// The words beside a branch: what differs from its base, and nothing where nothing does.
import { strict as assert } from 'node:assert';
import { branchBadge, spokenBadge } from './describe.ts';

describe('the state of a branch', () => {
  const cases = [
    [{}, '', ''],
    [{ ahead: 0, behind: 0, dirty: 0 }, '', ''],
    [{ ahead: 2, behind: 1, dirty: 3 }, '↑2 ↓1 ●3', '2 ahead, 1 behind, 3 changed files'],
    [{ behind: 4 }, '↓4', '4 behind'],
    [{ ahead: 0, behind: 0, dirty: 1 }, '●1', '1 changed file'],
  ] as const;
  for (const [counts, shown, spoken] of cases) {
    it(`is ${JSON.stringify(shown)} for ${JSON.stringify(counts)}`, () => {
      assert.equal(branchBadge({ sandbox: 'sb-00000001', ...counts }), shown);
      assert.equal(spokenBadge({ sandbox: 'sb-00000001', ...counts }), spoken);
    });
  }
});
