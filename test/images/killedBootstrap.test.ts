// A base whose maker is killed: nothing of it runs on, nothing stays mounted, and its files go with the next one.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ciImage } from '../../scripts/lib/ciImage.ts';
import { bootstrapImage } from '../../server/images/build/bootstrap.ts';
import { eventually } from '../support/eventually.ts';
import { has, newPlace } from './support.ts';

describe('a base whose maker is killed', function () {
  this.timeout(600_000);

  before(function () {
    const isRoot = process.getuid?.() === 0;
    if (isRoot && has('mmdebstrap')) return;
    console.log(`not run: ${isRoot ? 'mmdebstrap is not installed' : 'what root makes, as root alone'}`);
    this.skip();
  });

  it('leaves nothing that runs, and no files after the next one', async () => {
    const other = newPlace();
    const env = { ...process.env, ...other.deps.env };
    const script = join(import.meta.dirname, 'fixtures', 'baseMaker.ts');
    const maker = spawn(process.execPath, [script, other.folder, ciImage], { env, stdio: 'ignore' });
    const own = () => leftovers().filter(name => name.startsWith(`heyvm-bootstrap-${maker.pid}-`));
    try {
      await eventually(() => own().some(name => workersIn(name).length > 1), { what: 'a base that is made' });
      const [area = ''] = own();
      maker.kill('SIGKILL');
      await eventually(() => workersIn(area).length === 0, { what: 'the end of what made it' });
      assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(area));
      const stop = new AbortController();
      const call = { signal: stop.signal, progress: () => own().length === 0 && stop.abort() };
      await assert.rejects(bootstrapImage({ ...other.deps, env }, { base: ciImage }, call));
      const ours = [maker.pid, process.pid].map(pid => `heyvm-bootstrap-${pid}-`);
      assert.ok(!leftovers().some(name => ours.some(start => name.startsWith(start))));
    } finally {
      maker.kill('SIGKILL');
      other.dispose();
    }
  });
});

function leftovers(): string[] {
  return readdirSync(tmpdir()).filter(name => name.startsWith('heyvm-bootstrap-'));
}

/** Programs that work in the folder of a base. */
function workersIn(name: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`/${name}`);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}
