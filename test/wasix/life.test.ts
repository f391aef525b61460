// Guests of modules whose owners or processes are killed, and many of them: nothing stays, and no file is half lost.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wasix } from '../../server/backends/wasix/index.ts';
import { readRunning } from '../../server/backends/wasix/running.ts';
import { makeBench, runIn, succeeded } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBox } from './support/box.ts';

describe('the life of guests of modules', function () {
  this.timeout(180_000);

  before(async function () {
    await skipWithoutBox(this);
  });

  it('ends with its owner, even in the middle of a program that never waits', async () => {
    const script = join(import.meta.dirname, 'fixtures', 'owner.ts');
    const owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const { pid, folder } = JSON.parse(String(line)) as { pid: number; folder: string };
    assert.ok(isAlive(pid));
    owner.kill('SIGKILL');
    await eventually(() => !isAlive(pid), { what: 'the end of the guest' });
    rmSync(folder, { recursive: true, force: true });
  });

  it('is told to have died when its process is killed, and starts again with its files', async () => {
    const bench = await makeBench(wasix);
    try {
      const { guest } = await bench.start();
      assert.deepEqual((await runIn(guest, ['box', 'write', '/home/dev/kept', 'kept'])).status, succeeded);
      const child = await guest.exec({ argv: ['box', 'sleep', '1000'] });
      const running = await readRunning(bench.context.state);
      assert.ok(running !== undefined);
      process.kill(running.pid, 'SIGKILL');
      assert.deepEqual((await child.exited).kind, 'signalled');
      assert.match(JSON.stringify(await guest.ended), /"died".*SIGKILL/);
      await assert.rejects(guest.exec({ argv: ['box', 'true'] }), { code: 'not-running' });
      const again = await bench.start();
      assert.equal((await runIn(again.guest, ['box', 'cat', '/home/dev/kept'])).stdout, 'kept');
    } finally {
      await bench.dispose();
    }
  });

  it('loses nothing of the workspace, whenever it is killed', async () => {
    const bench = await makeBench(wasix);
    const folder = join(bench.workspace, 'host');
    mkdirSync(folder);
    const names = Array.from({ length: 40 }, (_, index) => `file-${index}`);
    for (const name of names) writeFileSync(join(folder, name), `content of ${name}`);
    try {
      for (const delayMs of [0, 20, 60, 150, 400]) {
        const { guest } = await bench.start();
        const child = await guest.exec({ argv: ['box', 'sh', '-c', scriptOf(delayMs)] });
        child.stdout.resume();
        await new Promise(resolve => setTimeout(resolve, delayMs));
        await guest.stop({ graceMs: 0 });
        // Whoever works on this machine meanwhile finds what was there, and what was written whole is whole.
        for (const name of names)
          assert.equal(readFileSync(join(folder, name), 'utf8'), `content of ${name}`);
        for (const name of readdirSync(bench.workspace).filter(entry => entry.startsWith(`made-${delayMs}-`)))
          assert.ok(['', `${name}\n`].includes(readFileSync(join(bench.workspace, name), 'utf8')));
      }
    } finally {
      await bench.dispose();
    }
  });

  it('leaves no process and no folder behind, however many there were and however they ended', async () => {
    const folders: string[] = [];
    const pids: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(
        Array.from({ length: 3 }, async (_, index) => {
          const bench = await makeBench(wasix);
          folders.push(bench.folder);
          const { guest } = await bench.start();
          const running = await readRunning(bench.context.state);
          if (running !== undefined) pids.push(running.pid);
          const child = await guest.exec({ argv: ['box', index === 0 ? 'spin' : 'cat'] });
          child.stdin.on('error', () => undefined);
          if (index === 1 && running !== undefined) process.kill(running.pid, 'SIGKILL');
          if (index === 2) await guest.stop({ graceMs: 3_000 });
          await bench.dispose();
        }),
      );
    }
    assert.equal(pids.length, 12);
    await eventually(() => pids.every(pid => !isAlive(pid)), { what: 'the end of all guests' });
    assert.deepEqual(
      folders.filter(folder => existsSync(folder)),
      [],
    );
  });
});

function scriptOf(number: number): string {
  const names = Array.from({ length: 200 }, (_, index) => `made-${number}-${index}`);
  return names.map(name => `echo ${name} >${name}`).join('; ');
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    // No such file is how the system says that there is no such process.
    return false;
  }
}
