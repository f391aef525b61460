// The program that serves a workspace to a machine: what OpenSSH's client, as the worst of guests, reaches through it.
import { strict as assert } from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setIdFilter } from '../../server/backends/kit/seccomp.ts';
import { guestProgram, skipWithoutProgram } from './guestProgram.ts';

const SECRET = `secret of the host ${process.pid}`;

describe('the program that serves a workspace', () => {
  let folder: string;

  before(function () {
    skipWithoutProgram(this);
    if (spawnSync('sftp', ['-V']).error !== undefined) {
      console.log('not run: the program that serves a workspace: the program sftp is not installed');
      this.skip();
    }
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-share-'));
    for (const name of ['stage', 'work', 'work/deep', 'view', 'out']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'secret'), SECRET);
    writeFileSync(join(folder, 'work', 'mine'), 'mine');
    writeFileSync(join(folder, 'view', 'config'), 'as it was');
    symlinkSync(join(folder, 'secret'), join(folder, 'work', 'absolute'));
    symlinkSync('../secret', join(folder, 'work', 'relative'));
    symlinkSync('/', join(folder, 'work', 'root'));
    writeFileSync(join(folder, 'filter'), setIdFilter(process.arch === 'arm64' ? 'arm64' : 'x64'));
    const binds = [
      { from: join(folder, 'work'), to: '/workspace', mode: 'rw' },
      { from: join(folder, 'view'), to: '/workspace/deep', mode: 'ro' },
    ];
    const plan = { root: join(folder, 'stage'), filter: join(folder, 'filter'), binds };
    writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What the client says to these commands, each of which may fail. */
  const sftp = (...commands: readonly string[]): string => {
    const server = `${guestProgram} share ${join(folder, 'plan.json')}`;
    const input = commands.map(command => `-${command}\n`).join('');
    const done = spawnSync('sftp', ['-q', '-b', '-', '-D', server], { input, encoding: 'utf8' });
    return `${done.stdout}${done.stderr}`;
  };

  it('shows what its plan says, and nothing else of this machine', () => {
    assert.match(sftp('ls -a /', 'ls /workspace'), /\/workspace\/mine/);
    const tries = [
      '/workspace/../secret',
      '/workspace/absolute',
      '/workspace/relative',
      '/etc/hostname',
    ].concat([
      `/workspace/root${folder}/secret`,
      '/proc/1/environ',
      '/proc/self/root/etc/passwd',
      `${folder}/secret`,
    ]);
    for (const [index, path] of tries.entries()) sftp(`get ${path} ${folder}/out/${index}`);
    assert.deepEqual(
      tries.filter((_, index) => existsSync(join(folder, 'out', String(index)))),
      [],
    );
    sftp(`get /workspace/mine ${folder}/out/mine`);
    assert.equal(readFileSync(join(folder, 'out', 'mine'), 'utf8'), 'mine');
  });

  it('writes where it may, and nowhere else', () => {
    writeFileSync(join(folder, 'new'), 'new');
    const from = join(folder, 'new');
    const said = sftp(
      `put ${from} /workspace/new`,
      `put ${from} /workspace/deep/config`,
      `put ${from} /new`,
      `put ${from} /workspace/absolute`,
      'rename /workspace/deep /workspace/moved',
      'rm /workspace/deep/config',
      'chmod 777 /workspace/deep/config',
      'chmod 4755 /workspace/mine',
    );
    assert.equal(readFileSync(join(folder, 'work', 'new'), 'utf8'), 'new', said);
    assert.equal(readFileSync(join(folder, 'view', 'config'), 'utf8'), 'as it was');
    assert.equal(readFileSync(join(folder, 'secret'), 'utf8'), SECRET);
    assert.equal(existsSync(join(folder, 'work', 'moved')), false);
    assert.match(
      spawnSync('stat', ['-c', '%a', join(folder, 'work', 'mine')]).stdout.toString(),
      /^[0-7]{3}$/m,
    );
  });

  it('says what it cannot show', async () => {
    rmSync(join(folder, 'view'), { recursive: true });
    symlinkSync('/etc', join(folder, 'view'));
    const child = spawn(guestProgram ?? '', ['share', join(folder, 'plan.json')], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 125);
    assert.match(said, /view is a link or lies behind one/);
  });

  it('ends when nobody asks any more', async () => {
    const child = spawn(guestProgram ?? '', ['share', join(folder, 'plan.json')]);
    await once(child.stderr, 'data');
    child.stdin.end();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});
