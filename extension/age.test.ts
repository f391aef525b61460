// How long ago something was, in words.
import { strict as assert } from 'node:assert';
import { ageOf } from './age.ts';

const now = Date.parse('2030-06-15T12:00:00Z');

describe('an age', () => {
  const cases = [
    ['2030-06-15T11:59:30Z', 'just now'],
    ['2030-06-15T11:58:30Z', '1 minute ago'],
    ['2030-06-15T07:00:00Z', '5 hours ago'],
    ['2030-06-14T10:00:00Z', 'yesterday'],
    ['2030-03-01T00:00:00Z', '3 months ago'],
    ['2027-01-01T00:00:00Z', '3 years ago'],
    ['no time at all', ''],
  ] as const;
  for (const [then, words] of cases) {
    it(`of ${then} is ${JSON.stringify(words)}`, () => {
      assert.equal(ageOf(then, now), words);
    });
  }
});
