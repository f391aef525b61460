// Modules as people run them: the built command line, OpenSSH and its tools, worktrees, and a program that others wrote.
import { strict as assert } from 'node:assert';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Stop } from '../../scripts/lib/say.ts';
import { MOST_NAMES } from '../../server/backends/wasix/child/hostFiles.ts';
import { bundle } from '../../server/platform/bundle.ts';
import { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { createService } from '../../server/service/service.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { makeWorld, needEngine, type World } from '../cli/support/world.ts';
import { hasProgram, run } from '../ssh/support/run.ts';
import { boxFile, skipWithoutBox } from './support/box.ts';
import { npmPackage } from './support/npmProgram.ts';

describe('modules in everyday use', function () {
  this.timeout(180_000);
  let world: World;
  const at = (...parts: string[]): string => join(world.repository, ...parts);
  const heyvm = (...args: string[]) => world.heyvm(args);

  before(async function () {
    needEngine(this);
    await skipWithoutBox(this);
    world = await makeWorld();
    copyFileSync(await boxFile(), at('box.wasm'));
    const made = await heyvm(
      'create',
      '--name',
      'tool',
      '--backend',
      'wasix',
      '--image',
      './box.wasm',
      '--workspace',
      '.',
    );
    assert.equal(made.code, 0, made.stderr);
  });

  after(() => world?.end());

  it('run straight from a file, by its name, with the runtime that the backend has', async () => {
    const { runtime, image, workspace } = SandboxInfo.parse(await world.json(['get', 'tool']));
    assert.deepEqual([runtime, image, workspace.mode], ['wasm', at('box.wasm'), 'shared']);
    assert.deepEqual((await heyvm('exec', 'tool', '--', 'box', 'sh', '-c', 'exit 7')).code, 7);
    writeFileSync(at('note'), 'from the host');
    assert.equal((await heyvm('exec', 'tool', '--', './box.wasm', 'cat', 'note')).stdout, 'from the host');
    await heyvm('exec', 'tool', '--', 'box', 'write', '/workspace/answer', 'from inside');
    assert.equal(readFileSync(at('answer'), 'utf8'), 'from inside');
    const unknown = await heyvm('exec', 'tool', '--', 'ls');
    assert.match(unknown.stderr, /has no such program[\s\S]*it has box/);
  });

  it('tell what they use of processor and memory, which is their process', async () => {
    await heyvm('exec', 'tool', '--', 'box', 'echo', 'something');
    const { id } = SandboxInfo.parse(await world.json(['get', 'tool']));
    const { call } = createService({ paths: pathsOf(world.env), env: world.env, bundle });
    const [usage] = (await call('sandbox/usage', { sandboxes: [id] })).usages;
    assert.ok((usage?.cpu_ms ?? 0) > 0 && (usage?.memory_bytes ?? 0) > 2 ** 20, JSON.stringify(usage));
  });

  it('run from the store by a name, and in throwaways', async () => {
    assert.equal((await heyvm('images', 'add', './box.wasm', 'my/box:2')).code, 0);
    const { stdout: listed } = await heyvm('images', 'list');
    assert.match(listed, /my\/box:2 .*wasix/);
    const done = await heyvm(
      'run',
      '--backend',
      'wasix',
      '--image',
      'my/box:2',
      '--',
      'box',
      'echo',
      'thrown away',
    );
    assert.equal(done.stdout, 'thrown away\n', done.stderr);
  });

  it('are refused with what mends it when they are something else', async () => {
    writeFileSync(at('component.wasm'), '\0asm\x0d\0\x01\0');
    writeFileSync(at('broken.wasm'), '\0asm\x01\0\0\0 and nonsense');
    writeFileSync(at('text.wasm'), 'words');
    const refusals: readonly [args: readonly string[], code: number, words: RegExp][] = [
      [['create', '--backend', 'wasix', '--image', './component.wasm'], 4, /is a component of WebAssembly/],
      [['create', '--backend', 'wasix', '--image', './broken.wasm'], 1, /cannot be run/],
      [['create', '--backend', 'wasix', '--image', './text.wasm'], 1, /is no WebAssembly/],
      [['create', '--backend', 'wasix', '--image', './gone.wasm'], 3, /there is no file/],
      [['create', '--backend', 'bubblewrap', '--image', './box.wasm'], 4, /cannot give image/],
      [['create', '--backend', 'wasix', '--network', 'allowlist'], 4, /network allowlist/],
      [
        ['create', '--backend', 'wasix', '--image', './box.wasm', '--runtime', 'python'],
        5,
        /does not have it/,
      ],
      [['exec', 'tool', '--', './component.wasm'], 127, /neither a core module/],
      [['exec', 'tool', '--', './gone.wasm'], 127, /there is no such file inside/],
      [['pause', 'tool'], 4, /pause/],
    ];
    for (const [args, code, words] of refusals) {
      const refused = await world.heyvm(args);
      assert.match(refused.stderr, words, args.join(' '));
      assert.equal(refused.code, code, `${args.join(' ')}: ${refused.stderr}`);
    }
    const { length } = (await world.json(['list'])) as unknown[];
    assert.equal(length, 1);
  });

  it('are what the test of the backend tries', async () => {
    const { stdout, code } = await heyvm('test-backend', 'wasix');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /run a program +ok/);
  });

  it('have a shell that reads lines', async () => {
    const lines = 'box echo one "$HOME"\ncd /tmp\nbox pwd\nbox echo a | box cat\nexit 4\n';
    const done = await world.heyvm(['sh', 'tool'], { input: lines });
    assert.equal(done.stdout, 'one /home/dev\n/tmp\n');
    assert.match(done.stderr, /\| is not known here/);
    assert.equal(done.code, 4);
  });

  it('are reached by ssh, scp and sftp as every sandbox is', async function () {
    if (!(await hasProgram('sftp'))) {
      console.log('not run: OpenSSH has no clients here');
      return this.skip();
    }
    const config = ['-F', join(world.store, 'ssh', 'config')];
    const ssh = (...words: string[]) => run(['ssh', ...config, 'heyvm-tool', ...words]);
    assert.equal(String((await ssh('box', 'echo', "'a  b'", '$WORKSPACE')).stdout), 'a  b /workspace\n');
    assert.equal((await ssh('box sh -c "exit 9"')).code, 9);
    const terminal = await run(['ssh', '-tt', ...config, 'heyvm-tool'], { input: 'box stty size\rexit\r' });
    assert.match(String(terminal.stdout), /\$ .*\r\n\d+ \d+\r?\n/s);
    writeFileSync(at('../up'), 'carried');
    const scp = await run(['scp', ...config, at('../up'), 'heyvm-tool:/workspace/carried']);
    assert.equal(scp.code, 0, scp.stderr);
    assert.equal(readFileSync(at('carried'), 'utf8'), 'carried');
    const batch = 'rename carried moved\nmkdir made\nget moved ../down\nls -l\n';
    const sftp = await run(['sftp', '-b', '-', ...config, 'heyvm-tool'], {
      input: batch,
      cwd: world.repository,
    });
    assert.equal(sftp.code, 0, sftp.stderr);
    assert.equal(readFileSync(at('../down'), 'utf8'), 'carried');
    assert.ok(existsSync(at('made')));
    assert.equal((await heyvm('cp', 'tool:/workspace/moved', at('copied'))).code, 0);
    assert.equal(readFileSync(at('copied'), 'utf8'), 'carried');
  });

  it('see a worktree without its git, which nothing inside can change', async () => {
    const made = await heyvm('wt', 'feature/x', '--detach', '--backend', 'wasix', '--image', './box.wasm');
    assert.equal(made.code, 0, made.stderr);
    const sandbox = SandboxInfo.parse(await world.json(['get', 'wt-feature-x']));
    const { path, git } = sandbox.workspace;
    assert.equal(git, 'none');
    const before = readFileSync(join(path, '.git'), 'utf8');
    for (const words of [
      ['write', '.git', 'gitdir: /tmp/evil'],
      ['rm', '.git'],
      ['mv', '.git', 'moved'],
    ])
      assert.notEqual((await heyvm('exec', 'wt-feature-x', '--', 'box', ...words)).code, 0);
    assert.equal(readFileSync(join(path, '.git'), 'utf8'), before);
    await heyvm('exec', 'wt-feature-x', '--', 'box', 'write', 'work', 'done inside');
    assert.equal(readFileSync(join(path, 'work'), 'utf8'), 'done inside');
    assert.match(await world.git('-C', path, 'status', '--short'), /\?\? work/);
    assert.equal((await heyvm('wt', 'feature/x', '--remove', '--force')).code, 0);
  });

  it('go on where they were after a stop, and say so when a package cannot be had', async () => {
    await heyvm('exec', 'tool', '--', 'box', 'write', '/home/dev/kept', 'kept');
    await heyvm('exec', 'tool', '--', 'box', 'write', '/tmp/gone', 'gone');
    assert.equal((await heyvm('restart', 'tool')).code, 0);
    assert.equal((await heyvm('exec', 'tool', '--', 'box', 'cat', '/home/dev/kept')).stdout, 'kept');
    assert.equal((await heyvm('exec', 'tool', '--', 'box', 'test', '-e', '/tmp/gone')).code, 1);
    const missing = await heyvm('create', '--backend', 'wasix', '--image', 'no-such-owner/no-such-package');
    assert.equal(missing.code, 3, missing.stderr);
    assert.match(missing.stderr, /no-such-package[\s\S]*\.webc/);
  });

  it('list large folders whole, and say so when one is larger than their runtime can list', async () => {
    const fill = (folder: string, count: number): void => {
      mkdirSync(at(folder));
      for (let index = 0; index < count; index += 1) writeFileSync(at(folder, `file-${index}`), 'here');
    };
    fill('large', 3_000);
    const listed = await heyvm('exec', 'tool', '--', 'box', 'ls', '/workspace/large');
    const names = listed.stdout.split('\n').filter(name => name.startsWith('file-'));
    assert.deepEqual(names.toSorted(), readdirSync(at('large')).toSorted());
    fill('too-large', MOST_NAMES + 1);
    const refused = await heyvm('exec', 'tool', '--', 'box', 'ls', '/workspace/too-large');
    assert.equal(refused.code, 1, refused.stdout.slice(0, 200));
    assert.match(refused.stderr, /\/workspace\/too-large has 20,001 names[\s\S]*another backend/);
    const one = await heyvm('exec', 'tool', '--', 'box', 'cat', '/workspace/too-large/file-20000');
    assert.equal(one.stdout, 'here');
    for (const folder of ['large', 'too-large']) rmSync(at(folder), { recursive: true });
  });

  it('include a compiler that others wrote in Go', async function () {
    try {
      const folder = await npmPackage('@esbuild/wasi-preview1', '0.27.2');
      copyFileSync(join(folder, 'esbuild.wasm'), at('esbuild.wasm'));
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      console.log(`not run: ${error.message}`);
      return this.skip();
    }
    writeFileSync(at('part.ts'), 'export const answer: number = 6 * 7;\n');
    writeFileSync(at('main.ts'), "import { answer } from './part.ts';\nconsole.log(answer);\n");
    const args = ['/workspace/main.ts', '--bundle', '--outfile=/workspace/out.js'];
    const built = await heyvm('exec', 'tool', '--', './esbuild.wasm', ...args);
    assert.equal(built.code, 0, built.stderr);
    assert.equal(String((await run([process.execPath, at('out.js')])).stdout), '42\n');
    const piped = await world.heyvm(['exec', 'tool', '--', './esbuild.wasm', '--loader=ts', '--minify'], {
      input: 'const a: number = 1; console.log(a)',
    });
    assert.equal(piped.stdout, 'const a=1;console.log(1);\n');
  });
});
