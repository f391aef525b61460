// What is counted of a guest's processes, whatever they are called and whatever a guest says.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../../test/support/eventually.ts';
import { countUsage, usageBelow } from './usage.ts';

const stat = (name: string, times: string) =>
  `7 (${name}) S 1 7 7 0 -1 4194560 1 0 0 0 ${times} 20 0 1 0 100 1000 50 18446744073709551615`;

describe('the usage of a guest', () => {
  it('is the sum over its processes, with what their children used', () => {
    const text = [
      stat('sh', '1 2 3 4'),
      stat('node', '10 0 0 0'),
      'VmRSS:\t    100 kB',
      'VmRSS:\t 28 kB',
    ].join('\n');
    assert.deepEqual(countUsage(text), { cpu_ms: 200, memory_bytes: 131_072 });
  });

  it('reads names that look like something else', () => {
    assert.deepEqual(countUsage(stat('a) S 9 9 (b', '1 1 1 1')), { cpu_ms: 40 });
  });

  for (const text of [
    '',
    'sh: not found',
    '7 (x) S 1 2',
    stat('x', '1 -1 1 1'),
    stat('x', 'NaN 1 1 1'),
    'VmRSS: many kB',
  ]) {
    it(`is not known from ${JSON.stringify(text)}`, () => {
      assert.deepEqual(countUsage(text), {});
    });
  }
});

describe('the usage of a guest that is a process of this machine', () => {
  before(function () {
    if (process.platform === 'linux') return;
    console.log('not run: processes are counted on Linux');
    this.skip();
  });

  const busy = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done';

  it('is that of whatever its owner has started, also of what has ended', async () => {
    const owner = spawn('sh', ['-c', `sh -c '${busy}'; sleep 600 & read stop; kill $!`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const pid = owner.pid ?? assert.fail('it did not start');
    try {
      const used = await eventually(
        () => {
          const { cpu_ms = 0, memory_bytes = 0 } = usageBelow(pid);
          return cpu_ms > 0 && memory_bytes > 0 && { cpu_ms, memory_bytes };
        },
        { what: 'processor time and memory' },
      );
      assert.ok((usageBelow(pid).cpu_ms ?? 0) >= used.cpu_ms);
    } finally {
      owner.stdin?.end('stop\n');
      await once(owner, 'close');
    }
    assert.deepEqual(usageBelow(pid), {});
  });

  it('has nothing of what the owner itself did', async () => {
    const owner = spawn('sh', ['-c', `${busy}; echo done; read stop`], { stdio: ['pipe', 'pipe', 'ignore'] });
    const pid = owner.pid ?? assert.fail('it did not start');
    await once(owner.stdout, 'data');
    assert.deepEqual(usageBelow(pid), { cpu_ms: 0, memory_bytes: 0 });
    owner.stdin?.end('stop\n');
    await once(owner, 'close');
  });
});
