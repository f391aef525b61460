// Lines of a log go to the channel of who said them, as loudly as they deserve.
import { strict as assert } from 'node:assert';
import { lineOf, unseen } from './lines.ts';

const at = '2026-01-02T03:04:05.678Z';

describe('a line of a log', () => {
  const cases = [
    ['running', 'owner', 'info'],
    ['stopping: asked for', 'owner', 'info'],
    ['cannot write how it ended: no space', 'owner', 'warn'],
    ['could not remove a folder at /x', 'owner', 'warn'],
    ['failed to start: no bwrap', 'owner', 'error'],
    ['lost the guest: it stopped', 'owner', 'error'],
    ['defect (timer): boom', 'owner', 'error'],
    ['guest: [    0.1] cannot find a clock', 'console', 'info'],
    ['| failed to compile', 'command', 'info'],
  ] as const;
  for (const [said, source, level] of cases) {
    it(`is of the ${source} and ${level}: ${said}`, () => {
      const line = lineOf(`${at} ${said}`);
      assert.deepEqual([line?.source, line?.level], [source, level]);
      assert.equal(line?.text, `${at} ${said.replace(/^(guest: |\| )/, '')}`);
    });
  }

  it('is none without a time', () => {
    assert.equal(lineOf('something'), undefined);
    assert.equal(lineOf(''), undefined);
  });
});

describe('what was not seen yet', () => {
  it('is what follows the last line, or everything when that is gone', () => {
    assert.deepEqual(unseen(['a', 'b', 'c'], undefined), ['a', 'b', 'c']);
    assert.deepEqual(unseen(['a', 'b', 'c'], 'b'), ['c']);
    assert.deepEqual(unseen(['a', 'b', 'c'], 'c'), []);
    assert.deepEqual(unseen(['b', 'c'], 'a'), ['b', 'c']);
  });
});
