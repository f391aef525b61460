// A base whose maker is killed: nothing of it runs on, nothing stays mounted, and its files go with the next one.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ciImage } from '../../scripts/lib/ciImage.ts';
import { bootstrapImage } from '../../server/images/build/bootstrap.ts';
import { sweepImages } from '../../server/images/sweep.ts';
import { errorCodeOf } from '../../server/platform/files.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { eventually } from '../support/eventually.ts';
import { has, newPlace, type Place } from './support.ts';

describe('a base whose maker is killed', function () {
  this.timeout(600_000);

  before(function () {
    const isRoot = process.getuid?.() === 0;
    if (isRoot && has('mmdebstrap')) return;
    console.log(`not run: ${isRoot ? 'mmdebstrap is not installed' : 'what root makes, as root alone'}`);
    this.skip();
  });

  it('leaves no files outside of what is pruned, although apt was in the middle of checking', async () => {
    const place = newPlace();
    const maker = makerIn(place);
    try {
      const checking = () => globSync(join(place.folder, 'store/images/incoming/*/apt/tmp/*')).length > 0;
      await eventually(checking, { what: 'a file of apt', everyMs: 2, withinMs: 120_000 });
      // As the end of everything that belongs to a person's session: nobody is left to clear up.
      const over = once(maker, 'exit');
      killTree(maker.pid ?? 0);
      await over;
      const areas = () => leftovers().filter(name => name.startsWith(`heyvm-bootstrap-${maker.pid}-`));
      await eventually(() => areas().every(area => workersIn(area).length === 0), { what: 'the end of all' });
      const deps = { ...place.deps, paths: pathsOf({ HEYO_HOME: join(place.folder, 'store') }) };
      const wish = { effect: 'remove', images: 'keep', leftovers: 'remove' } as const;
      const removed = (await sweepImages(deps, wish)).map(({ path }) => path);
      assert.ok(removed.some(path => path.includes('/incoming/')));
      assert.deepEqual(globSync(join(place.folder, 'store/images/incoming/*')), []);
      assert.deepEqual(areas(), []);
    } finally {
      maker.kill('SIGKILL');
      place.dispose();
    }
  });

  it('leaves nothing that runs, and no files after the next one', async () => {
    const other = newPlace();
    const env = { ...process.env, ...other.deps.env };
    const maker = makerIn(other);
    const own = () => leftovers().filter(name => name.startsWith(`heyvm-bootstrap-${maker.pid}-`));
    try {
      await eventually(() => own().some(name => workersIn(name).length > 1), { what: 'a base that is made' });
      const [area = ''] = own();
      const over = once(maker, 'exit');
      maker.kill('SIGKILL');
      await over;
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

function makerIn({ folder, deps }: Place): ChildProcess {
  const script = join(import.meta.dirname, 'fixtures', 'baseMaker.ts');
  const env = { ...process.env, ...deps.env };
  return spawn(process.execPath, [script, folder, ciImage], { env, stdio: 'ignore' });
}

/** Stopped first, so that none starts another one meanwhile. */
function killTree(pid: number): void {
  try {
    process.kill(pid, 'SIGSTOP');
    const children = globSync(`/proc/${pid}/task/*/children`).map(path => readFileSync(path, 'utf8'));
    for (const child of children.join(' ').split(' ').filter(Boolean)) killTree(Number(child));
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended meanwhile.
    if (!['ESRCH', 'ENOENT'].includes(errorCodeOf(error) ?? '')) throw error;
  }
}

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
