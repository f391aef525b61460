// The small projects of `heyvm init`, as a person begins with one: written, built, brought up, used, and taken away.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, which } from '../../scripts/lib/command.ts';
import { dist } from '../../scripts/lib/places.ts';
import { bundle } from '../../server/platform/bundle.ts';
import { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { createService } from '../../server/service/service.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { eventually } from '../support/eventually.ts';
import { buildServer } from './support/built.ts';

describe('a project that init began', function () {
  this.timeout(600_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hvj-'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  const env = () => ({ ...process.env, HEYO_HOME: join(folder, 'h') });
  const heyvm = (...words: string[]) => attempt([join(dist, 'heyvm'), ...words], { cwd: folder, env: env() });
  const succeed = async (...words: string[]): Promise<string> => {
    const done = await heyvm(...words);
    assert.equal(done.code, 0, done.stderr);
    return done.stdout;
  };

  it('in C is built, says what it says in the log, and runs again with other words', async function () {
    if (which('clang') === undefined || which('wasm-ld') === undefined) {
      console.log('not run: a project in C: no compiler for WebAssembly');
      return this.skip();
    }
    const wrote = await heyvm('init', '--preset', 'wasm-command', 'hello');
    assert.equal(wrote.code, 0, wrote.stderr);
    assert.match(wrote.stderr, /next: \.\/build\.sh, then heyvm up/);
    const built = await attempt([join(folder, 'hello', 'build.sh')], { cwd: folder });
    assert.deepEqual([built.code, built.stdout], [0, 'made build/hello.wasm\n'], built.stderr);
    await succeed('up', 'hello', '--detach', '--trust');
    try {
      await eventually(async () => (await heyvm('logs', 'hello')).stdout.includes('| hello, sandbox'), {
        what: 'the words of the program in the log',
      });
      const again = await heyvm('exec', 'hello', '--', './build/hello.wasm', 'person');
      assert.deepEqual([again.code, again.stdout], [0, 'hello, person\n'], again.stderr);
      const { id } = SandboxInfo.parse(JSON.parse(await succeed('get', 'hello', '--format', 'json')));
      const { call } = createService({ paths: pathsOf(env()), env: env(), bundle });
      const [usage] = (await call('sandbox/usage', { sandboxes: [id] })).usages;
      // Its programs have ended: they hold nothing any more, and have taken some time.
      assert.ok((usage?.cpu_ms ?? 0) > 0, JSON.stringify(usage));
      assert.equal(usage?.memory_bytes, 0);
    } finally {
      await succeed('rm', '--yes', '--force', 'hello');
    }
    assert.deepEqual(JSON.parse(await succeed('list', '--format', 'json')), []);
  });

  it('in C says what to install where the compiler is missing', async () => {
    await succeed('init', '--preset', 'wasm-command', 'bare');
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync(which('dirname') ?? assert.fail('no dirname'), join(bin, 'dirname'));
    const built = await attempt(['/bin/sh', join(folder, 'bare', 'build.sh')], { env: { PATH: bin } });
    assert.equal(built.code, 1);
    assert.match(built.stderr, /^clang is missing\..*apt install clang lld wasi-libc/);
    assert.ok(!existsSync(join(folder, 'bare', 'build')));
  });

  it('in JavaScript is built, is up when it answers, and is reached through forward', async function () {
    await succeed('init', '--preset', 'wasm-http', 'site');
    const why = await buildServer(join(folder, 'site'));
    if (why !== undefined) {
      console.log(`not run: a project that answers requests: ${why}`);
      return this.skip();
    }
    await succeed('up', 'site', '--detach', '--trust');
    try {
      const forward = spawn(join(dist, 'heyvm'), ['forward', 'site', '0:8080'], { cwd: folder, env: env() });
      try {
        const answer = await fetch(`${await addressOf(forward)}/some/place`);
        assert.deepEqual([answer.status, await answer.text()], [200, 'hello from /some/place\n']);
      } finally {
        forward.kill('SIGINT');
        await once(forward, 'exit');
      }
      assert.match(await succeed('logs', 'site'), /asked for \/some\/place/);
    } finally {
      await succeed('rm', '--yes', '--force', 'site');
    }
  });

  it('is refused where a file of it exists, and by a name that nobody brings', async () => {
    await succeed('init', '--preset', 'wasm-http', 'twice');
    const before = readFileSync(join(folder, 'twice', 'server.js'), 'utf8');
    const twice = await heyvm('init', '--preset', 'wasm-http', 'twice');
    assert.match(twice.stderr, /exists already/);
    assert.equal(readFileSync(join(folder, 'twice', 'server.js'), 'utf8'), before);
    const unknown = await heyvm('init', '--preset', 'wasm-htp', 'third');
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /node, python, shell, wasm-command, wasm-http[\s\S]*did you mean wasm-http/);
    assert.ok(!existsSync(join(folder, 'third')));
  });
});

/** What forward says about where it listens. */
async function addressOf(forward: ChildProcess): Promise<string> {
  let said = '';
  for (const output of [forward.stdout, forward.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const find = (): string | undefined => /127\.0\.0\.1:\d+/.exec(said)?.[0];
  await eventually(() => find() !== undefined, { what: 'a forwarded port' });
  return `http://${find()}`;
}
