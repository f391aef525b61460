// The contract on the in-memory backend alone: needs no sandbox, so it belongs to the fast check.
import { strict as assert } from 'node:assert';
import { fakeBackend } from '../support/fakeBackend.ts';
import { contractSuite, type Tally } from './suite.ts';

describe('contract of the backend in memory', () => {
  const tally: Tally = { ran: [], notRun: [] };

  contractSuite(fakeBackend(), tally);
  contractSuite(fakeBackend({ id: 'fakefull', can: 'everything' }), tally);

  contractSuite(fakeBackend({ id: 'fakewasm', runs: 'modules' }), tally);

  after(() => assert.deepEqual(tally.ran, ['fake', 'fakefull', 'fakewasm']));
});
