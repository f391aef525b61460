// A configuration comes with the branch, so what it says of itself never becomes a program.
import { strict as assert } from 'node:assert';
import { Vouched } from './vouched.ts';

describe('what lies in the configuration of a session', () => {
  const window = new Vouched<{ program: string }>();
  const sealed = window.seal({ program: 'node' });

  it('counts as often as it is read, for a session that starts again has it still', () => {
    assert.deepEqual(window.open(sealed), { program: 'node' });
    assert.deepEqual(window.open(sealed), { program: 'node' });
  });

  const foreign = {
    'changed afterwards': sealed.replace('node', 'evil'),
    'of another window': new Vouched<{ program: string }>().seal({ program: 'node' }),
    'without a mark': '{"program":"node"}',
    'too short': sealed.slice(0, 10),
    'an object': { program: 'node' },
    absent: undefined,
  };
  for (const [what, value] of Object.entries(foreign))
    it(`does not count when it is ${what}`, () => assert.equal(window.open(value), undefined));
});
