// Runs the contract over every backend of the registry and over the fake, and says what ran and what could not.
import { strict as assert } from 'node:assert';
import { backends } from '../../server/backends/registry.ts';
import { fakeBackend } from '../support/fakeBackend.ts';
import { fakeExternal } from '../support/fakeExternal.ts';
import { backendsToTry } from '../support/grounds.ts';
import { contractSuite, type Tally } from './suite.ts';

const tally: Tally = { ran: [], notRun: [] };
const fakes = [
  fakeBackend(),
  fakeBackend({ id: 'fakefull', can: 'everything' }),
  fakeBackend({ id: 'fakewasm', runs: 'modules' }),
  fakeExternal(),
];
// An area of one backend alone need not look at the fakes again.
const alone = process.env['HEYVM_TEST_ONLY'] !== undefined;
const subjects = [...(alone ? [] : fakes), ...backendsToTry()];

describe('contract of backends', () => {
  for (const backend of subjects) contractSuite(backend, tally);

  after(() => {
    const notRun = tally.notRun.map(({ id, why }) => `${id} (${why})`);
    console.log(
      `contract: ${subjects.length} backends, ran on ${tally.ran.join(', ')}; not run: ${notRun.join(', ') || 'none'}`,
    );
    assert.equal(tally.ran.length + tally.notRun.length, subjects.length);
    const missed = fakes.filter(fake => subjects.includes(fake) && !tally.ran.includes(fake.manifest.id));
    assert.deepEqual(missed, []);
  });
});

describe('registry', () => {
  it('has every id and alias once', () => {
    const names = backends.flatMap(({ manifest }) => [manifest.id, ...manifest.aliases]);
    assert.ok(names.length > 0);
    assert.deepEqual(names, [...new Set(names)]);
  });
});
