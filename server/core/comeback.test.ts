// Which sandboxes come back for whoever connects to them.
import { strict as assert } from 'node:assert';
import { comesBack, type LastSeen } from './comeback.ts';
import { EXPIRED, REBOOTED, SIGNALLED, WALL_LIMIT } from './lifecycle.ts';

const crashed: LastSeen = { intent: 'running', stale: true, suspended: false, held: false };
const ended = (reason: string): LastSeen => ({
  ...crashed,
  stale: false,
  lastEnd: { kind: 'stopped', reason },
});

describe('a sandbox that does not run', () => {
  const back: Readonly<Record<string, LastSeen>> = {
    'whose owner was killed': crashed,
    'that failed': { ...crashed, stale: false, lastEnd: { kind: 'failed', reason: 'out of memory' } },
    'that was never started': { ...crashed, stale: false },
    'that ended with the machine': ended(`${SIGNALLED} SIGTERM`),
    'whose machine was restarted': ended(REBOOTED),
  };
  for (const [name, seen] of Object.entries(back)) it(`${name} comes back`, () => assert(comesBack(seen)));

  const stays: Readonly<Record<string, LastSeen>> = {
    'that was stopped on request': { ...crashed, intent: 'stopped' },
    'that is being removed': { ...crashed, intent: 'removed' },
    'that was suspended': { ...crashed, suspended: true },
    'that somebody held': { ...crashed, held: true },
    'whose time was over': ended(EXPIRED),
    'that reached its limit': ended(WALL_LIMIT),
    'whose guest ended in order': ended('the guest ended'),
  };
  for (const [name, seen] of Object.entries(stays))
    it(`${name} stays as it is`, () => assert(!comesBack(seen)));
});
