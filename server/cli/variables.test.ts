// Variables of the command line: with their value, or taken from the caller's environment.
import { strict as assert } from 'node:assert';
import { variablesOf } from './variables.ts';

describe('--env', () => {
  it('takes the value that is given, with all of its equals signs', () => {
    assert.deepEqual(variablesOf(['A=b=c', 'EMPTY='], { A: 'other' }), { A: 'b=c', EMPTY: '' });
  });

  it('takes the caller’s own value where none is given', () => {
    assert.deepEqual(variablesOf(['TOKEN'], { TOKEN: 'secret' }), { TOKEN: 'secret' });
  });

  it('refuses a name that is not set here, and names that are none', () => {
    assert.throws(() => variablesOf(['TOKEN'], {}), { code: 'usage', message: /--env TOKEN: there is no/ });
    for (const pair of ['=x', '1A=x', 'A-B', ''])
      assert.throws(() => variablesOf([pair], {}), { code: 'usage', message: /letters, digits/ });
  });
});
