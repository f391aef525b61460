// Stores in odd places: strange names, long paths, full and read-only disks.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createService } from '../../server/service/service.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { kill, needEngine, newEngine, processesOf } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';

describe('a store', function () {
  this.timeout(120_000);
  before(needEngine);

  const places: readonly { what: string; name: string }[] = [
    { what: 'a path with spaces and letters of other languages', name: "mein Häuschen ☃ 'y' $z" },
    { what: 'a path that is too long for sockets', name: 'long-'.repeat(30) },
  ];
  for (const { what, name } of places) {
    it(`works in ${what}`, async () => {
      const engine = newEngine({ name });
      try {
        await engine.create({ name: 'one' });
        assert.equal((await engine.exec('one', 'echo', 'fine')).out, 'fine\n');
        await engine.call('sandbox/restart', { sandbox: 'one' });
        assert.equal((await engine.exec('one', 'echo', 'fine')).out, 'fine\n');
        assert.equal((await engine.call('sandbox/stop', { sandbox: 'one' })).sandbox.status, 'stopped');
      } finally {
        await engine.dispose();
      }
    });
  }

  describe('on a disk of its own', () => {
    let disk: string;
    before(function () {
      disk = mkdtempSync(join(tmpdir(), 'hvd-'));
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'ignore' });
      } catch {
        console.log('not run: a small disk can be mounted by root only');
        rmSync(disk, { recursive: true });
        this.skip();
      }
    });
    after(() => {
      if (!isMounted(disk)) return;
      for (const name of ['full', 'fixed']) {
        for (const { pid } of processesOf(pathsOf({ HEYO_HOME: join(disk, name) }))) kill(pid);
      }
      execFileSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    });

    afterEach(() => emptied(disk));

    it('that is full says so, leaves nothing half made, and works again with space', async () => {
      const paths = pathsOf({ HEYO_HOME: join(disk, 'full') });
      const { call } = createService({ paths, env: process.env });
      await call('sandbox/create', { spec: { name: 'before' } });
      fill(disk);
      await assert.rejects(call('sandbox/create', { spec: { name: 'during' } }), {
        code: 'storage',
        message: /the disk is full/,
        hint: /free space/,
      });
      const { sandboxes, problems } = await call('sandbox/list', {});
      assert.deepEqual(problems, []);
      assert.deepEqual(
        sandboxes.map(({ name, status }) => [name, status]),
        [['before', 'running']],
      );
      emptied(disk);
      await call('sandbox/create', { spec: { name: 'during' } });
      for (const sandbox of ['before', 'during']) await call('sandbox/remove', { sandbox, force: true });
      assert.deepEqual(processesOf(paths), []);
    });

    it('that is read-only says so, and still tells the truth', async () => {
      const paths = pathsOf({ HEYO_HOME: join(disk, 'fixed') });
      const { call } = createService({ paths, env: process.env });
      const { sandbox } = await call('sandbox/create', { spec: { name: 'one' } });
      process.kill(sandbox.owner?.pid ?? assert.fail('no owner'), 'SIGKILL');
      // What a killed owner had open for writing keeps the disk from becoming read-only for a moment.
      await eventually(() => isReadOnlyNow(disk), { what: 'a read-only disk' });
      try {
        await assert.rejects(call('sandbox/create', { spec: { name: 'two' } }), {
          code: 'storage',
          message: /read-only/,
        });
        const { sandboxes } = await call('sandbox/list', {});
        assert.deepEqual(
          sandboxes.map(({ status }) => status),
          ['failed'],
        );
        assert.equal((await call('sandbox/get', { sandbox: 'one' })).sandbox.status, 'failed');
      } finally {
        execFileSync('mount', ['-o', 'remount,rw', disk]);
      }
      await call('sandbox/start', { sandbox: 'one' });
      await call('sandbox/remove', { sandbox: 'one', force: true });
      assert.deepEqual(processesOf(paths), []);
    });
  });
});

function isMounted(folder: string): boolean {
  return statfsSync(folder).type === 0x01021994;
}

function emptied(disk: string): void {
  rmSync(join(disk, 'ballast'), { force: true });
}

/** Up to the last byte. */
function fill(disk: string): void {
  const ballast = join(disk, 'ballast');
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 16)) {
    try {
      for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}

function isReadOnlyNow(disk: string): boolean {
  try {
    execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'ignore' });
    return true;
  } catch {
    // Still busy.
    return false;
  }
}
