// The words beside a branch: what differs from its base, and nothing where nothing does.
import { strict as assert } from 'node:assert';
import { branchBadge, loadBadge, remainingText, spokenBadge, spokenLoad } from './describe.ts';

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

describe('what a sandbox uses', () => {
  const cases = [
    [{}, '', ''],
    [{ percent: 3 }, '3%', '3 percent of a processor'],
    [{ bytes: 340_000_000 }, '340 MB', '340 MB of memory'],
    [{ percent: 120, bytes: 2_500_000_000 }, '120% 2.5 GB', '120 percent of a processor, 2.5 GB of memory'],
  ] as const;
  for (const [load, shown, spoken] of cases) {
    it(`is ${JSON.stringify(shown)} for ${JSON.stringify(load)}`, () => {
      assert.equal(loadBadge(load), shown);
      assert.equal(spokenLoad(load), spoken);
    });
  }
});

describe('the time that is left', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const cases = [
    [undefined, 'running', ''],
    ['2026-01-01T00:00:30Z', 'running', 'ends in less than a minute'],
    ['2026-01-01T00:01:30Z', 'running', 'ends in 1 minute'],
    ['2026-01-01T05:30:00Z', 'running', 'ends in 5 hours'],
    ['2026-01-04T00:00:00Z', 'running', 'ends in 3 days'],
    ['2026-01-01T05:30:00Z', 'stopped', ''],
    ['not a time', 'running', ''],
  ] as const;
  for (const [expires_at, status, text] of cases) {
    it(`of a ${status} sandbox until ${expires_at} is ${JSON.stringify(text)}`, () => {
      const sandbox = { status, ...(expires_at === undefined ? {} : { expires_at }) };
      assert.equal(remainingText(sandbox as Parameters<typeof remainingText>[0], now), text);
    });
  }
});
