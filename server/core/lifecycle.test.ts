// The states of a sandbox as they follow from its files, and what is legal in each.
import { strict as assert } from 'node:assert';
import { SandboxStatus } from '../protocol/sandbox.ts';
import { conditionOf, type Facts, type Operation, OWNER_VANISHED, verdictOn } from './lifecycle.ts';

describe('the state of a sandbox', () => {
  const stopped = { at: '2026-01-01T00:00:00Z', kind: 'stopped', reason: 'on request' } as const;
  const failed = { at: '2026-01-01T00:00:00Z', kind: 'failed', reason: 'no memory' } as const;
  const table: readonly { what: string; facts: Facts; status: string; reason?: string }[] = [
    { what: 'never ran', facts: { intent: 'running', stale: false }, status: 'created' },
    {
      what: 'has an owner',
      facts: { intent: 'running', ownerState: 'running', stale: false },
      status: 'running',
    },
    {
      what: 'has an owner after an earlier failure',
      facts: { intent: 'running', ownerState: 'starting', lastEnd: failed, stale: false },
      status: 'starting',
    },
    {
      what: 'was stopped',
      facts: { intent: 'stopped', lastEnd: stopped, stale: false },
      status: 'stopped',
      reason: 'on request',
    },
    {
      what: 'failed',
      facts: { intent: 'running', lastEnd: failed, stale: false },
      status: 'failed',
      reason: 'no memory',
    },
    {
      what: 'lost its owner',
      facts: { intent: 'running', lastEnd: stopped, stale: true },
      status: 'failed',
      reason: OWNER_VANISHED,
    },
    {
      what: 'lost its owner while it was being stopped',
      facts: { intent: 'stopped', stale: true },
      status: 'stopped',
    },
    {
      what: 'is being removed',
      facts: { intent: 'removed', lastEnd: stopped, stale: false },
      status: 'stopping',
      reason: 'it is being removed',
    },
  ];
  for (const { what, facts, status, reason } of table) {
    it(`is ${status} when it ${what}`, () => {
      const condition = conditionOf(facts);
      assert.equal(condition.status, status);
      assert.equal(condition.reason, reason);
    });
  }

  it('allows every operation or says why not, in every state', () => {
    const operations: readonly Operation[] = ['start', 'stop', 'remove', 'exec'];
    for (const operation of operations) {
      for (const status of SandboxStatus.options) {
        assert.ok(['allowed', 'noop', 'force', 'refused'].includes(verdictOn(operation, status)));
      }
    }
    assert.equal(verdictOn('remove', 'running'), 'force');
    assert.equal(verdictOn('start', 'running'), 'noop');
    assert.equal(verdictOn('exec', 'stopped'), 'refused');
  });
});
