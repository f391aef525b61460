// When a helper that keeps ending is started again, and when that stops.
import { strict as assert } from 'node:assert';
import { MOST_ENDS, planRestart, WINDOW_MS } from './restartPolicy.ts';

const now = 10_000_000;

describe('the restart of the helper', () => {
  it('comes soon after the first end and later after each further one', () => {
    const delays = [1, 2, 3, 4].map(count => {
      const plan = planRestart(
        Array.from({ length: count }, () => now),
        now,
      );
      return plan.kind === 'restart' ? plan.delayMs : undefined;
    });
    assert.deepEqual(delays, [250, 500, 1_000, 2_000]);
  });

  it('is given up at the fifth end within three minutes', () => {
    const ends = Array.from({ length: MOST_ENDS }, (_, index) => now - index * 1_000).reverse();
    assert.deepEqual(planRestart(ends, now), { kind: 'give-up', ends: 5 });
  });

  it('forgets ends that are longer ago', () => {
    const old = Array.from({ length: 20 }, () => now - WINDOW_MS);
    assert.deepEqual(planRestart([...old, now], now), { kind: 'restart', delayMs: 250 });
  });
});
