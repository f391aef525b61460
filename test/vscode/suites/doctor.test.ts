// The doctor looks at this machine and says what it found.
import { strict as assert } from 'node:assert';
import type { Check } from '../../../server/protocol/doctor.ts';
import { command, product } from '../support/product.ts';

describe('the doctor', () => {
  it('looks at the store, the backends and the editor, and mends what it names as broken', async () => {
    const checks = await command<readonly Check[]>('heyvm.runDoctor', { open: 'none' });
    assert.ok(checks.length > 3);
    assert.ok(checks.some(({ id }) => id === 'editor:remote-ssh'));
    for (const check of checks) {
      if (check.state === 'error') assert.ok(check.fix, `${check.id} is broken and has no fix`);
    }
  });

  it('lists backends with what this machine has', async () => {
    const { helper } = await product();
    const { backends } = await helper.call('backend/list', { probe: true });
    assert.ok(backends.some(({ availability }) => availability?.kind === 'ready'));
  });
});
