// Words for virsh and the answers that it gives.
import { strict as assert } from 'node:assert';
import { readCondition } from './condition.ts';
import { line, parseDomains, saidBy } from './virsh.ts';

describe('words for virsh', () => {
  it('are quoted where its parser would take them apart', () => {
    assert.equal(
      line([
        ['define', '/a b/c"d\\e.xml'],
        ['start', 'heyvm-x'],
        ['echo', ';'],
      ]),
      'define "/a b/c\\"d\\\\e.xml"; start heyvm-x; echo ";"',
    );
  });
});

describe('answers of virsh', () => {
  const domstats = `Domain: 'one'
  state.state=1
  state.reason=5

Domain: 'heyvm-abc-sb-01234567'
  state.state=3
  state.reason=5

Domain: 'off'
  state.state=5
  state.reason=3

`;

  it('name each domain with its state', () => {
    assert.deepEqual(parseDomains(domstats), [
      { name: 'one', state: 1, reason: 5 },
      { name: 'heyvm-abc-sb-01234567', state: 3, reason: 5 },
      { name: 'off', state: 5, reason: 3 },
    ]);
    assert.deepEqual(parseDomains('\n'), []);
  });

  it('become conditions of ours', () => {
    const kinds = parseDomains(domstats).map(domain => readCondition(domain));
    assert.deepEqual(
      kinds.map(({ kind }) => kind),
      ['running', 'full', 'off'],
    );
    assert.deepEqual(kinds[2], { kind: 'off', why: 'QEMU crashed or was killed', saved: false });
    assert.equal(readCondition({ name: '', state: 3, reason: 1 }).kind, 'paused');
    assert.equal(readCondition({ name: '', state: 4, reason: 0 }).kind, 'running');
  });

  it('say their errors without the prefix', () => {
    const stderr = "error: failed to get domain 'x'\nerror: Domain not found\n\n";
    assert.equal(saidBy({ code: 1, stdout: '', stderr }), "failed to get domain 'x': Domain not found");
    assert.equal(saidBy({ code: 1, stdout: 'out\n', stderr: '' }), 'out');
  });
});
