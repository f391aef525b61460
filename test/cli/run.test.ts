// Throwaways: a program alone with what it was given, its status, and nothing left, however it or its command ends.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ExecResult } from '../../server/protocol/exec.ts';
import { parse } from '../../server/protocol/parse.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { assertNoTraces, kill, processesOf } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { errorOf, listenTo, makeWorld, needEngine, type World } from './support/world.ts';

const SLEEPER = ['run', '--', 'sh', '-c', 'echo ready; exec sleep 1000'];

describe('heyvm run', function () {
  this.timeout(120_000);
  let world: World;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
  });
  afterEach(async () => {
    if (world !== undefined) await assertNothingLeft();
  });
  after(() => world?.end());

  const paths = () => pathsOf(world.env);
  const run = (...words: string[]) => world.heyvm(['run', '--quiet', ...words]);
  const folderOf = (name: 'sandboxes' | 'trash' | 'locks' | 'run'): string[] => {
    const path = paths()[name];
    return existsSync(path) ? readdirSync(path).filter(file => /sb-/.test(file)) : [];
  };

  /** Without a command that would tidy up. */
  async function assertNothingLeft(): Promise<void> {
    await eventually(
      () => {
        const left = (['sandboxes', 'trash', 'locks', 'run'] as const).flatMap(folderOf);
        return (left.length === 0 && processesOf(paths()).length === 0) || assert.fail(left.join(' '));
      },
      { what: 'the end of everything' },
    );
    await assertNoTraces(paths());
  }

  async function ready(words = SLEEPER): Promise<ReturnType<World['start']>> {
    const child = world.start(words);
    const heard = listenTo(child.stdout);
    await eventually(() => heard.text.includes('ready'), { what: 'the program' });
    return child;
  }

  const running = async (): Promise<SandboxInfo> => {
    const [sandbox] = (await world.json(['list', '--running'])) as SandboxInfo[];
    return sandbox ?? assert.fail('nothing runs');
  };

  it('gives the outputs and the status of the program, and nothing is left when it answers', async () => {
    const done = await run('--', 'sh', '-c', 'echo out; echo err >&2; exit 3');
    assert.deepEqual(done, { code: 3, stdout: 'out\n', stderr: 'err\n' });
    assert.deepEqual((['sandboxes', 'trash', 'locks', 'run'] as const).flatMap(folderOf), []);
    assert.deepEqual(processesOf(paths()), []);
  });

  it('runs python by this name', async function () {
    if (!existsSync('/usr/bin/python3')) {
      console.log('not run: there is no python3 in the system');
      return this.skip();
    }
    const done = await run('--timeout', '10', '--', 'python', '-c', 'print(2+2)');
    assert.deepEqual(done, { code: 0, stdout: '4\n', stderr: '' });
  });

  it('shows the program nothing of this machine: no files, variables, home or network', async () => {
    writeFileSync(join(world.env['HOME'] ?? '', 'private'), 'x');
    const script = [
      'ls -A /workspace | wc -l',
      'env | grep -c SECRET_OF_THE_HOST',
      `ls ${world.folder} ~/private 2>/dev/null | wc -l`,
      'grep -vc -e Iface -e "lo$" /proc/net/route',
    ].join('; ');
    const done = await world.heyvm(['run', '--', 'sh', '-c', script], { env: { SECRET_OF_THE_HOST: 'x' } });
    assert.equal(done.stdout, '0\n0\n0\n0\n');
  });

  it('keeps its program from the network also where the settings open it', async () => {
    writeFileSync(paths().settings, '{ "network": "open" }');
    const child = await ready();
    assert.equal((await running()).policy.network, 'none');
    child.kill('SIGTERM');
    await once(child, 'close');
    writeFileSync(paths().settings, '{}');
  });

  it('passes input and variables on, and writes no variable down', async () => {
    const done = await world.heyvm(['run', '-e', 'WORD=secret', '--', 'sh', '-c', 'cat; echo $WORD'], {
      input: 'in\n',
    });
    assert.equal(done.stdout, 'in\nsecret\n');
    const child = await ready(['run', '-e', 'WORD=secret', ...SLEEPER.slice(1)]);
    const { id } = await running();
    assert.doesNotMatch(readFileSync(join(paths().sandboxes, id, 'sandbox.yaml'), 'utf8'), /secret/);
    child.kill('SIGTERM');
    await once(child, 'close');
  });

  it('ends a program with too much input rather than giving it a part', async () => {
    const done = await world.heyvm(['run', '--', 'sh', '-c', 'cat >/dev/null; echo whole'], {
      input: Buffer.alloc(65 * 2 ** 20),
    });
    assert.equal(done.code, 125);
    assert.match(done.stderr, /longer than 64 MiB/);
    assert.equal(done.stdout, '');
  });

  it('ends a program whose time is up, by force where it has to', async () => {
    const done = await run(
      '--timeout',
      '300ms',
      '--',
      'sh',
      '-c',
      'trap "" TERM; while :; do sleep 0.1; done',
    );
    assert.equal(done.code, 7);
    assert.match(done.stderr, /--timeout/);
    assert.equal((await run('--timeout', '0', '--', 'true')).code, 125);
  });

  it('has a time limit of its own, should nobody be there to end the program', async () => {
    const child = await ready(['run', '--timeout', '40', ...SLEEPER.slice(1)]);
    assert.equal((await running()).limits.wall, 55);
    child.kill('SIGTERM');
    await once(child, 'close');
  });

  it('tells a program that is missing and failures of its own from the status of a program', async () => {
    assert.equal((await run('--', 'no-such-program')).code, 127);
    assert.equal((await run('--backend', 'nonesuch', '--', 'true')).code, 125);
    assert.equal((await run('--workspace', '/nowhere', '--', 'true')).code, 125);
    assert.equal((await run('--writable', '--', 'true')).code, 125);
    assert.equal((await run()).code, 125);
  });

  it('answers in JSON with a bounded part of the outputs', async () => {
    const script = 'head -c 2000000 /dev/zero | tr "\\0" x; echo oops >&2; exit 4';
    const done = await world.heyvm(['run', '--format', 'json', '--', 'sh', '-c', script]);
    assert.equal(done.code, 4);
    const answer = parse(ExecResult, JSON.parse(done.stdout));
    assert.ok(answer.ok);
    assert.equal(answer.value.stdout, 'x'.repeat(2 ** 20));
    assert.deepEqual([answer.value.stderr, answer.value.exit_code], ['oops\n', 4]);
    assert.deepEqual([answer.value.truncated, answer.value.timed_out], [true, false]);
    const late = await world.heyvm(['run', '--format=json', '--timeout', '1', '--', 'sleep', '100']);
    assert.equal(late.code, 7);
    assert.equal(JSON.parse(late.stdout).timed_out, true);
  });

  it('shows a folder that cannot be written, unless it is asked to', async () => {
    const folder = join(world.folder, 'shown');
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    writeFileSync(join(folder, 'a'), 'text');
    const read = await run('--workspace', folder, '--', 'sh', '-c', 'cat a; echo b >b || echo refused');
    assert.match(read.stdout, /^textrefused/);
    assert.ok(!existsSync(join(folder, 'b')));
    const wrote = await run('--workspace', folder, '--writable', '--', 'sh', '-c', 'echo b >b');
    assert.equal(wrote.code, 0, wrote.stderr);
    assert.equal(readFileSync(join(folder, 'b'), 'utf8'), 'b\n');
  });

  it('copies single files into the empty folder, and no others', async () => {
    const [one, two] = ['one.sh', 'two.txt'].map(name => join(world.folder, name)) as [string, string];
    writeFileSync(one, 'cat two.txt; ls; echo more >two.txt');
    writeFileSync(two, 'two\n', { mode: 0o600 });
    const done = await run('--file', one, '--file', two, '--', 'sh', 'one.sh');
    assert.deepEqual(done, { code: 0, stdout: 'two\none.sh\ntwo.txt\n', stderr: '' });
    assert.equal(readFileSync(two, 'utf8'), 'two\n');
    const both = await run('--file', one, '--workspace', world.folder, '--', 'true');
    assert.match(both.stderr, /leave out/);
    const own = await world.heyvm(['run', '--format', 'json', '--file', paths().settings, '--', 'true']);
    assert.equal(errorOf(own).code, 'policy-refused');
  });

  it('is listed while it runs, and no host of OpenSSH', async () => {
    const child = await ready();
    const { id, name, attached } = await running();
    assert.match(name, /^run-[0-9a-f]{8}$/);
    assert.ok(attached);
    await world.json(['create', '--name', 'other']);
    assert.doesNotMatch(readFileSync(paths().sshConfig, 'utf8'), new RegExp(`${name}|${id}`));
    child.kill('SIGTERM');
    await once(child, 'close');
    await world.heyvm(['rm', '-y', '--force', 'other']);
  });

  it('passes signals on, and ends as the program does', async () => {
    const words = ['run', '--', 'sh', '-c', 'trap "exit 9" INT; echo ready; while :; do sleep 0.05; done'];
    const child = await ready(words);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'close'), [9, null]);
  });

  for (const [how, end] of [
    ['stopped', (id: string) => world.heyvm(['stop', id])],
    ['removed', (id: string) => world.heyvm(['rm', '-y', '--force', id])],
  ] as const) {
    it(`says so when its sandbox is ${how} meanwhile`, async () => {
      const child = await ready();
      const stderr = listenTo(child.stderr);
      const closed = once(child, 'close');
      await end((await running()).id);
      assert.deepEqual(await closed, [125, null]);
      assert.match(stderr.text, /the sandbox ended before its program did/);
    });
  }

  it('says so when its owner is killed, and takes away what that left', async () => {
    const child = await ready();
    const closed = once(child, 'close');
    kill((await running()).owner?.pid ?? assert.fail('no owner'));
    assert.deepEqual(await closed, [125, null]);
  });

  it('leaves nothing when it is killed while its program runs, without any other command', async () => {
    const child = await ready();
    child.kill('SIGKILL');
    await once(child, 'close');
    await assertNothingLeft();
  });

  it('leaves nothing when it is killed at any moment', async () => {
    for (let moment = 0; moment < 16; moment += 1) {
      const child = world.start(SLEEPER);
      await delay(Math.random() * 1200);
      child.kill(moment % 4 === 0 ? 'SIGTERM' : 'SIGKILL');
      await once(child, 'close');
    }
    // What was killed before its owner ran is left to whoever looks next.
    await eventually(async () => ((await world.json(['list'])) as unknown[]).length === 0, {
      what: 'an empty list',
      withinMs: 40_000,
      everyMs: 250,
    });
    await assertNothingLeft();
  });

  it('runs many at once', async () => {
    const all = Array.from({ length: 6 }, async (_, index) => {
      const done = await run('--', 'sh', '-c', `echo ${index}; exit ${index}`);
      assert.deepEqual([done.code, done.stdout], [index, `${index}\n`], done.stderr);
    });
    await Promise.all(all);
  });
});
