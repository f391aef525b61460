// What is counted of a guest's processes, whatever they are called and whatever a guest says.
import { strict as assert } from 'node:assert';
import { countUsage } from './usage.ts';

const stat = (name: string, times: string) =>
  `7 (${name}) S 1 7 7 0 -1 4194560 1 0 0 0 ${times} 20 0 1 0 100 1000 50 18446744073709551615`;

describe('the usage of a guest', () => {
  it('is the sum over its processes, with what their children used', () => {
    const text = [
      stat('sh', '1 2 3 4'),
      stat('node', '10 0 0 0'),
      'VmRSS:\t    100 kB',
      'VmRSS:\t 28 kB',
    ].join('\n');
    assert.deepEqual(countUsage(text), { cpu_ms: 200, memory_bytes: 131_072 });
  });

  it('reads names that look like something else', () => {
    assert.deepEqual(countUsage(stat('a) S 9 9 (b', '1 1 1 1')), { cpu_ms: 40 });
  });

  for (const text of [
    '',
    'sh: not found',
    '7 (x) S 1 2',
    stat('x', '1 -1 1 1'),
    stat('x', 'NaN 1 1 1'),
    'VmRSS: many kB',
  ]) {
    it(`is not known from ${JSON.stringify(text)}`, () => {
      assert.deepEqual(countUsage(text), {});
    });
  }
});
