// One program in a throwaway through the service: what it answers, its bounds, and cancelling.
import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readIds } from '../../server/store/sandboxes.ts';
import { eventually } from '../support/eventually.ts';
import { type Engine, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('sandbox/run', function () {
  this.timeout(60_000);
  let engine: Engine;
  before(needEngine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  const shell = (script: string) => ({ spec: {}, program: { argv: ['sh', '-c', script] } });
  const isGone = () => readIds(engine.paths).length === 0 && processesOf(engine.paths).length === 0;

  it('answers outputs and status, and nothing is left by then', async () => {
    const input = 'one two';
    const answer = await engine.call('sandbox/run', { ...shell('wc -w; echo err >&2; exit 5'), input });
    const { stdout, stderr, exit_code: code, truncated, timed_out: late } = answer;
    assert.deepEqual([stdout.trim(), stderr, code, truncated, late], ['2', 'err\n', 5, false, false]);
    assert.ok(isGone());
  });

  it('keeps as much of the outputs as it is told to, and ends what takes too long', async () => {
    const short = await engine.call('sandbox/run', { ...shell('echo 123456'), most_bytes: 3 });
    assert.deepEqual([short.stdout, short.truncated], ['123', true]);
    const late = await engine.call('sandbox/run', { ...shell('echo early; sleep 100'), timeout_ms: 300 });
    assert.deepEqual([late.stdout, late.timed_out, late.signal], ['early\n', true, 'TERM']);
    assert.ok(isGone());
  });

  it('begins with the files that it is given', async () => {
    const folder = join(engine.home, '..', 'files');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a'), 'text');
    const answer = await engine.call('sandbox/run', {
      ...shell('cat a; ls | wc -l'),
      throwaway: { files: [join(folder, 'a')] },
    });
    assert.equal(answer.stdout, 'text1\n');
  });

  it('is gone when it is cancelled, in whatever phase', async () => {
    for (const after of ['checking', 'starting guest', 'running']) {
      const controller = new AbortController();
      const answer = engine.call('sandbox/run', shell('sleep 100'), {
        signal: controller.signal,
        progress: ({ phase }) => {
          if (phase === after) controller.abort();
        },
      });
      await assert.rejects(answer, { code: 'cancelled' });
      await eventually(isGone, { what: `nothing left after ${after}` });
    }
  });

  it('fails when there is no such program, and refuses what cannot be', async () => {
    const program = { argv: ['no-such-program'] };
    await assert.rejects(engine.call('sandbox/run', { spec: {}, program }), { code: 'path-not-found' });
    const wrong = { spec: { backend: 'nonesuch' }, program };
    await assert.rejects(engine.call('sandbox/run', wrong), { code: 'backend-unknown' });
    assert.ok(isGone());
  });
});
