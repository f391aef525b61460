// Counts what was tried on whom, so that a suite that looked at nothing is noticed.
import { strict as assert } from 'node:assert';

const tried = new Map<string, number>();

export function count(backend: string): void {
  tried.set(backend, (tried.get(backend) ?? 0) + 1);
}

/** For the end of a file: every backend that ran was attacked at least that often, each time with a control. */
export function declareGate(least: number): void {
  after('every attack was shown to work where nothing is in its way', () => {
    const counts = [...tried].map(([backend, times]) => `${backend} ${times}`);
    console.log(`      attacks with a control: ${counts.join(', ') || 'none, as nothing can run here'}`);
    for (const [backend, times] of tried) assert.ok(times >= least, `only ${times} attacks on ${backend}`);
    tried.clear();
  });
}
