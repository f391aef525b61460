// Files in and out of a sandbox with the tools people have: scp, sftp, rsync, git.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasProgram, run } from './support/run.ts';
import { startSandbox, type TestSandbox, whyNot } from './support/sandbox.ts';

describe('files over ssh', () => {
  let box: TestSandbox;
  const content = randomBytes(2_500_000);
  before(async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: ${why}`);
      return this.skip();
    }
    box = await startSandbox();
    await writeFile(join(box.outside, 'in.bin'), content);
    await chmod(join(box.outside, 'in.bin'), 0o751);
  });
  after(() => box?.dispose());

  const outcome = async (argv: readonly string[], input?: string) => {
    const { code, stderr } = await run(argv, input === undefined ? {} : { input });
    assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
  };

  for (const protocol of ['sftp', 'classic'] as const) {
    it(`scp copies both ways with the ${protocol} protocol, modes included`, async () => {
      const scp = ['scp', ...(protocol === 'classic' ? ['-O'] : []), '-p', '-F', box.config];
      await outcome([...scp, join(box.outside, 'in.bin'), `${box.alias}:${protocol}.bin`]);
      assert.ok((await readFile(join(box.workspace, `${protocol}.bin`))).equals(content));
      assert.equal((await stat(join(box.workspace, `${protocol}.bin`))).mode & 0o777, 0o751);
      await outcome([
        ...scp,
        `${box.alias}:/workspace/${protocol}.bin`,
        join(box.outside, `${protocol}.back`),
      ]);
      assert.ok((await readFile(join(box.outside, `${protocol}.back`))).equals(content));
    });
  }

  it('scp copies a tree', async () => {
    await mkdir(join(box.outside, 'tree', 'deep'), { recursive: true });
    await writeFile(join(box.outside, 'tree', 'deep', 'ä b'), 'x');
    await outcome(['scp', '-r', '-F', box.config, join(box.outside, 'tree'), `${box.alias}:/workspace/`]);
    assert.equal(await readFile(join(box.workspace, 'tree', 'deep', 'ä b'), 'utf8'), 'x');
  });

  it('sftp does a batch of everything', async () => {
    const batch = [
      'mkdir /workspace/s',
      `put ${join(box.outside, 'in.bin')} /workspace/s/a`,
      'rename /workspace/s/a /workspace/s/b',
      'symlink b /workspace/s/link',
      'chmod 600 /workspace/s/b',
      'ls -l /workspace/s',
      `get /workspace/s/link ${join(box.outside, 'sftp.back')}`,
      'rm /workspace/s/link',
      'rm /workspace/s/b',
      'rmdir /workspace/s',
      '',
    ].join('\n');
    await outcome(['sftp', '-F', box.config, '-b', '-', box.alias], batch);
    assert.ok((await readFile(join(box.outside, 'sftp.back'))).equals(content));
  });

  it('sftp sees only what the guest sees', async () => {
    const { code, stderr } = await run(['sftp', '-F', box.config, '-b', '-', box.alias], {
      input: `ls ${box.outside}\n`,
    });
    assert.equal(code, 1);
    assert.match(stderr, /not found/);
  });

  it('rsync copies a tree both ways and then has nothing to do', async function () {
    if (!(await hasProgram('rsync'))) {
      console.log('not run: rsync is not installed');
      return this.skip();
    }
    const source = join(box.outside, 'r');
    await mkdir(join(source, 'sub'), { recursive: true });
    await writeFile(join(source, 'sub', 'file'), content);
    await symlink('sub/file', join(source, 'link'));
    const rsync = ['rsync', '-a', '--itemize-changes', '-e', `ssh -F ${box.config}`];
    await outcome([...rsync, `${source}/`, `${box.alias}:/workspace/r/`]);
    assert.ok((await readFile(join(box.workspace, 'r', 'link'))).equals(content));
    await outcome([...rsync, `${box.alias}:/workspace/r/`, join(box.outside, 'r2/')]);
    assert.ok((await readFile(join(box.outside, 'r2', 'sub', 'file'))).equals(content));
    const again = await run([...rsync, `${source}/`, `${box.alias}:/workspace/r/`]);
    assert.deepEqual([again.code, again.stdout.toString()], [0, '']);
  });

  it('git clones from the workspace and pushes to it', async () => {
    const env = { GIT_SSH_COMMAND: `ssh -F ${box.config}`, GIT_CONFIG_GLOBAL: '/dev/null' };
    const git = (...args: string[]) => [
      'git',
      '-c',
      'user.name=t',
      '-c',
      'user.email=t@example.org',
      ...args,
    ];
    const repository = join(box.workspace, 'repo');
    await outcome(git('init', '-q', '-b', 'main', repository));
    await outcome(git('-C', repository, 'commit', '-q', '--allow-empty', '-m', 'first'));
    const clone = join(box.outside, 'clone');
    const cloned = await run(git('clone', '-q', `ssh://${box.alias}/workspace/repo`, clone), { env });
    assert.equal(cloned.code, 0, cloned.stderr);
    await outcome(git('-C', clone, 'commit', '-q', '--allow-empty', '-m', 'second'));
    const pushed = await run(git('-C', clone, 'push', '-q', 'origin', 'HEAD:refs/heads/side'), { env });
    assert.equal(pushed.code, 0, pushed.stderr);
    const { stdout } = await run(git('-C', repository, 'log', '--format=%s', 'side'));
    assert.equal(stdout.toString(), 'second\nfirst\n');
  });
});
