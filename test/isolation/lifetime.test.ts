// A guest never outlives its owner, however its owner ends and whenever.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bubblewrap } from '../../server/backends/bubblewrap/index.ts';
import { bundle, guestProgram } from '../../server/platform/bundle.ts';
import { machineContext } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';

describe('isolation: the end of an owner', () => {
  before(async function () {
    const driver = await bubblewrap.load();
    const found = await driver.probe(machineContext(AbortSignal.timeout(30_000)));
    if (found.kind === 'ready') return;
    console.log(`not run: ${found.kind === 'missing' ? found.what : found.why}`);
    this.skip();
  });

  it('by SIGKILL ends every process of its guest', async () => {
    const owner = await startOwner('after');
    await eventually(() => processesWith(owner.mark).length >= 3, { what: 'the guest' });
    await owner.kill();
    await eventually(() => processesWith(owner.mark).length === 0, { what: 'the end of the guest' });
    await eventually(() => processesOf(owner).length === 0, { what: 'the end of bubblewrap' });
    await cleared(owner.folder);
  });

  it('at any moment of a start leaves no process', async () => {
    for (const delayMs of [0, 5, 10, 20, 40, 80]) {
      const owner = await startOwner('before');
      await new Promise(resolve => setTimeout(resolve, delayMs));
      await owner.kill();
      await eventually(() => processesOf(owner).length === 0, {
        what: `the end after ${delayMs} ms`,
      });
      await eventually(() => processesWith(owner.mark).length === 0, {
        what: `the end of the guest after ${delayMs} ms`,
      });
      await cleared(owner.folder);
    }
  });

  it('that also lost bubblewrap is noticed by a sweep, which touches no guest with an owner', async () => {
    const owner = await startOwner('after');
    const mark = `6${process.pid}6`;
    const orphan = await startOrphan(mark);
    const driver = await bubblewrap.load();
    await driver.sweep(machineContext(), new Set());
    assert.deepEqual(processesWith(mark), []);
    assert.ok(processesWith(owner.mark).length >= 3);
    orphan.kill('SIGKILL');
    await owner.kill();
    await eventually(() => processesWith(owner.mark).length === 0);
    await cleared(owner.folder);
  });

  it('leaves control groups that the next destroy takes away', async () => {
    const owner = await startOwner('after');
    await owner.kill();
    await eventually(() => processesWith(owner.mark).length === 0);
    const state = join(owner.folder, 'state');
    const { cgroups } = JSON.parse(readFileSync(join(state, 'running.json'), 'utf8')) as {
      cgroups: string[];
    };
    await cleared(owner.folder);
    assert.deepEqual(
      cgroups.filter(folder => existsSync(folder)),
      [],
    );
    assert.ok(!existsSync(state) && !existsSync(join(owner.folder, 'run', 'guest')));
  });
});

let owners = 0;

async function startOwner(when: 'before' | 'after') {
  owners += 1;
  const mark = `9${process.pid}${owners}9`;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures', 'owner.ts'), mark, when], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const lines = await eventually(() => {
    const found = said.split('\n');
    return found.includes(when === 'before' ? 'starting' : 'running') ? found : undefined;
  });
  const kill = async (): Promise<void> => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return { mark, folder: lines[0] ?? '', kill };
}

/** What the next command does about a sandbox whose owner is gone, with nothing left to report. */
async function cleared(folder: string): Promise<void> {
  const driver = await bubblewrap.load();
  const places = { state: join(folder, 'state'), runtime: join(folder, 'run') };
  const context = { ...machineContext(), ...places, progress() {} };
  assert.deepEqual(await driver.destroy(context, { version: 1 }), []);
  rmSync(folder, { recursive: true, force: true });
}

/** A guest whose bubblewrap was killed and which, unlike a real one, was not told to die with it. */
async function startOrphan(mark: string) {
  const program = '/opt/heyvm/guest';
  const mounts = [
    '--ro-bind',
    '/',
    '/',
    '--tmpfs',
    '/opt',
    '--ro-bind',
    guestProgram(bundle.folder),
    program,
  ];
  const inside = [program, 'launch', '--', 'sleep', mark];
  const child = spawn('/usr/bin/bwrap', ['--unshare-user', '--unshare-pid', ...mounts, '--', ...inside], {
    stdio: 'ignore',
  });
  // Bubblewrap's two processes and the program itself.
  await eventually(() => processesWith(mark).length === 3, { what: 'a guest to be orphaned' });
  child.kill('SIGKILL');
  await eventually(() => processesWith(mark).length === 2, { what: 'an orphan' });
  return child;
}

function processesWith(word: string): string[] {
  return living(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word));
}

/** The launcher names the folder in its words, bubblewrap the name of the sandbox. */
function processesOf({ folder, mark }: { folder: string; mark: string }): string[] {
  return living(pid => {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes(`owner-${mark}`) || words.includes(join(folder, 'run', 'guest'));
  });
}

function living(test: (pid: string) => boolean): string[] {
  return readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    try {
      return test(pid);
    } catch {
      // It ended while it was looked at, or belongs to somebody else.
      return false;
    }
  });
}
