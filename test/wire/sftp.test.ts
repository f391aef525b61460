import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bench, skipWithoutProgram, startBench } from './guestProgram.ts';

const bridge = join(import.meta.dirname, '../fixtures/sftpBridge.ts');

describe('files over sftp, with the client of OpenSSH', () => {
  let bench: Bench;
  let inside: string;
  let outside: string;

  before(async function () {
    skipWithoutProgram(this);
    if (!existsSync('/usr/bin/sftp')) {
      console.log('not run: OpenSSH has no sftp client here');
      this.skip();
    }
    bench = await startBench();
    inside = join(bench.home, 'home');
    outside = join(bench.home, 'outside');
    await mkdir(outside);
  });
  after(() => bench?.close());

  /** Runs a batch; `through` says which of the two sockets is used. */
  function sftp(
    commands: readonly string[],
    through = bench.socket,
  ): Promise<{ code: number; out: string; err: string }> {
    return new Promise(resolve => {
      const program = `${process.execPath} ${bridge} ${through}`;
      const client = execFile(
        '/usr/bin/sftp',
        ['-D', program, '-b', '-'],
        { cwd: outside, maxBuffer: 2 ** 26 },
        (error, out, err) => {
          resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err });
        },
      );
      client.stdin?.end(`${commands.join('\n')}\n`);
    });
  }

  async function succeed(commands: readonly string[], through?: string): Promise<string> {
    const { code, out, err } = await sftp(commands, through);
    assert.equal(code, 0, err);
    return out;
  }

  it('go in and out unchanged, of any size', async () => {
    for (const size of [0, 1, 32_768, 261_120, 262_144, 5_000_003]) {
      const bytes = randomBytes(size);
      await writeFile(join(outside, 'up'), bytes);
      await succeed(['put up one', 'get one down']);
      assert.ok(bytes.equals(await readFile(join(inside, 'one'))), `${size} bytes in`);
      assert.ok(bytes.equals(await readFile(join(outside, 'down'))), `${size} bytes out`);
    }
  });

  it('go through a server in between as well', async () => {
    const bytes = randomBytes(3_000_000);
    await writeFile(join(outside, 'up'), bytes);
    await succeed(['put up chained', 'get chained down'], bench.serverSocket);
    assert.ok(bytes.equals(await readFile(join(outside, 'down'))));
  });

  it('begin at home', async () => {
    assert.match(await succeed(['pwd']), new RegExp(`Remote working directory: ${inside}\n`));
  });

  it('keep modes and times when asked to', async () => {
    await writeFile(join(outside, 'script'), 'x');
    await chmod(join(outside, 'script'), 0o751);
    await succeed(['put -p script script', 'chmod 640 chained']);
    const [there, here] = [await stat(join(inside, 'script')), await stat(join(outside, 'script'))];
    assert.equal(there.mode & 0o777, 0o751);
    assert.equal(Math.floor(there.mtimeMs / 1000), Math.floor(here.mtimeMs / 1000));
    assert.equal((await stat(join(inside, 'chained'))).mode & 0o777, 0o640);
  });

  it('are listed by the ten thousand', async () => {
    const folder = join(inside, 'many');
    await mkdir(folder);
    await Promise.all(
      Array.from({ length: 10_000 }, (_, index) => writeFile(join(folder, `file ${index}`), '')),
    );
    const listed = (await succeed(['ls -1 many'])).split('\n').filter(line => line.startsWith('many/'));
    assert.equal(new Set(listed).size, 10_000);
  });

  it('are listed as ls would', async () => {
    await mkdir(join(inside, 'listed'));
    await writeFile(join(inside, 'listed/plain'), 'abc', { mode: 0o644 });
    await symlink('plain', join(inside, 'listed/link'));
    const out = await succeed(['ls -l listed']);
    assert.match(out, /^-rw-r--r-- +(\?|1) \S+ +\S+ +3 \w{3} +\d+ \d\d:\d\d (listed\/)?plain$/m);
    assert.match(out, /^lrwxrwxrwx .* (listed\/)?link$/m);
  });

  it('are linked, renamed over each other and removed', async () => {
    await writeFile(join(inside, 'new'), 'new');
    await writeFile(join(inside, 'old'), 'old');
    await succeed([
      'rename new old',
      'ln -s old soft',
      'ln old hard',
      'mkdir folder',
      'rmdir folder',
      'rm soft',
    ]);
    assert.equal(await readFile(join(inside, 'old'), 'utf8'), 'new');
    assert.equal(await readFile(join(inside, 'hard'), 'utf8'), 'new');
    const names = await readdir(inside);
    assert.ok(!names.includes('new') && !names.includes('soft') && !names.includes('folder'));
    await succeed(['ln -s some/where dangling']);
    assert.equal(await readlink(join(inside, 'dangling')), 'some/where');
  });

  it('go in and out as whole trees', async () => {
    const tree = join(outside, 'tree');
    await mkdir(join(tree, 'a/b'), { recursive: true });
    await writeFile(join(tree, 'a/b/file with spaces ü'), 'deep');
    await writeFile(join(tree, 'top'), 'top');
    await succeed(['put -r tree', 'get -r tree back']);
    assert.equal(await readFile(join(outside, 'back/a/b/file with spaces ü'), 'utf8'), 'deep');
    assert.ok((await lstat(join(inside, 'tree/a'))).isDirectory());
  });

  it('that do not exist or may not be changed are told apart', async () => {
    const missing = await sftp(['get no-such-file x']);
    assert.match(missing.err, /not found|No such file/);
    const denied = await sftp(['mkdir /proc/new']);
    assert.match(denied.err, /No such file|Permission denied|Failure/);
    assert.notEqual(missing.code, 0);
    assert.notEqual(denied.code, 0);
  });

  it('are resumed where a copy was cut off', async () => {
    const bytes = randomBytes(1_000_000);
    await writeFile(join(inside, 'whole'), bytes);
    await writeFile(join(outside, 'part'), bytes.subarray(0, 400_000));
    await succeed(['reget whole part']);
    assert.ok(bytes.equals(await readFile(join(outside, 'part'))));
    await writeFile(join(inside, 'half'), bytes.subarray(0, 600_000));
    await writeFile(join(outside, 'half'), bytes);
    await succeed(['reput half half']);
    assert.ok(bytes.equals(await readFile(join(inside, 'half'))));
  });

  it('tell how much room is left', async () => {
    assert.match(await succeed(['df .']), /%/);
  });
});
