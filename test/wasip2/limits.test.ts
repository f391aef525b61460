// What bounds a program, and what a program that is bounded sees of it.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { findBackend } from '../../server/backends/registry.ts';
import { type Bench, makeBench, runIn, succeeded } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { groundOf } from '../support/grounds.ts';

describe('limits of a program of WebAssembly', function () {
  this.timeout(120_000);
  let bench: Bench;

  before(async function () {
    const ground = await groundOf(findBackend('wasip2'));
    if (ground.kind === 'ready') return;
    console.log(`not run: limits of programs: ${ground.why}`);
    this.skip();
  });

  beforeEach(async () => {
    bench = await makeBench(findBackend('wasip2'));
  });

  afterEach(() => bench.dispose());

  it('of memory leave what is allowed and refuse more', async () => {
    const { guest } = await bench.start({ limits: { memory: 64 * 1024 * 1024 } });
    assert.deepEqual((await runIn(guest, ['box', 'hog', '32'])).status, succeeded);
    const { status, stderr } = await runIn(guest, ['box', 'hog', '128']);
    assert.deepEqual([status, stderr], [{ kind: 'exited', code: 1 }, 'no memory\n']);
  });

  it('of memory say so when a module wants more than all of it to begin with', async () => {
    const { guest } = await bench.start({ limits: { memory: 65_536 } });
    const { status, stderr } = await runIn(guest, ['box', 'true']);
    assert.notDeepEqual(status, succeeded);
    assert.match(stderr, /heyvm: .*memory/i);
  });

  it('are no limit when none is asked for', async () => {
    const { guest } = await bench.start();
    assert.deepEqual((await runIn(guest, ['box', 'hog', '256'])).status, succeeded);
  });

  it('of fuel are refused where nobody counts it', async () => {
    await assert.rejects(bench.start({ options: { fuel: 5 } }), { code: 'policy-unenforceable' });
  });

  it('are not needed to end one that computes for ever', async () => {
    const { guest } = await bench.start();
    const child = await guest.exec({ argv: ['box', 'spin'] });
    await child.signal('TERM');
    assert.deepEqual(await child.exited, { kind: 'signalled', signal: 'TERM' });
  });

  it('hold also for a program that traps, which says so', async () => {
    const { guest } = await bench.start();
    const { status, stderr } = await runIn(guest, ['box', 'abort']);
    assert.deepEqual(status, { kind: 'exited', code: 134 });
    assert.match(stderr, /ended by a trap: .*unreachable/);
  });

  it('show nothing of arguments and variables to others on this machine', async () => {
    const { guest } = await bench.start({ env: { TOKEN: 'heyvm-secret-1' } });
    const child = await guest.exec({
      argv: ['box', 'sleep', '1000', 'heyvm-secret-2'],
      env: { MORE: 'heyvm-secret-3' },
    });
    await eventually(() => everything().some(text => text.includes('wasip2.cjs')), { what: 'its process' });
    const shown = everything().filter(text => /heyvm-secret-\d/.test(text));
    await child.signal('KILL');
    await child.exited;
    assert.deepEqual(shown, []);
  });
});

/** Command lines and environments of the processes of this machine, but of those that run tests. */
function everything(): string[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`))
    .filter(text => text.includes('/runners/wasip2.cjs'));
}
