// Running programs in a sandbox: both outputs, input, signals, time, status, and much data.
import { strict as assert } from 'node:assert';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ExecResult } from '../../server/protocol/exec.ts';
import { parse } from '../../server/protocol/parse.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { eventually } from '../support/eventually.ts';
import { errorOf, listenTo, makeWorld, needEngine, peakMemory, type World } from './support/world.ts';

const MEGABYTE = 1024 * 1024;
/** What one process of ours may need, however much data goes through it. */
const MOST_MEMORY = 100 * MEGABYTE;

describe('heyvm exec', () => {
  let world: World;
  let sandbox: SandboxInfo;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    sandbox = (await world.json(['create', '--name', 'box'])) as SandboxInfo;
  });
  after(() => world?.end());

  const inside = (...argv: string[]) => world.heyvm(['exec', 'box', '--', ...argv]);

  it('keeps both outputs apart and gives the status of the program', async () => {
    const done = await inside('sh', '-c', 'echo out; echo err >&2; exit 3');
    assert.deepEqual(done, { code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('passes arguments on as they are, with and without --', async () => {
    const odd = ['', 'a b', '$HOME', '*', "it's", '"q"', 'é', '--format', 'json', '\n'];
    const shown = odd.map(argument => `<${argument}>`).join('');
    assert.equal((await inside('printf', '<%s>', ...odd)).stdout, shown);
    assert.equal((await world.heyvm(['exec', 'box', 'printf', '<%s>', ...odd])).stdout, shown);
  });

  it('runs in the workspace or where it is told to, with the variables it is given and no others', async () => {
    assert.equal((await inside('pwd')).stdout, '/workspace\n');
    const told = await world.heyvm([
      'exec',
      '--cwd',
      '/tmp',
      '-e',
      'A=1',
      'box',
      '--env=B=2 3',
      '--',
      'sh',
      '-c',
      'pwd; echo "$A $B"',
    ]);
    assert.equal(told.stdout, '/tmp\n1 2 3\n');
    const env = await world.heyvm(['exec', 'box', 'env'], { env: { SECRET_OF_THE_HOST: 'x' } });
    assert.doesNotMatch(env.stdout, /SECRET_OF_THE_HOST|HEYO_HOME/);
  });

  it('tells a program that is missing from a failure of its own', async () => {
    const absent = await inside('no-such-program');
    assert.equal(absent.code, 127);
    assert.match(absent.stderr, /no-such-program/);
    const folder = await world.heyvm(['exec', '--cwd', '/nowhere', 'box', 'true']);
    assert.notEqual(folder.code, 0);
    assert.match(folder.stderr, /nowhere/);
  });

  it('streams while the program runs', async () => {
    const child = world.start(['exec', 'box', '--', 'sh', '-c', 'echo first; read line; echo "got $line"']);
    const heard = listenTo(child.stdout);
    const closed = once(child, 'close');
    await eventually(() => heard.text === 'first\n', { what: 'the first line' });
    child.stdin?.write('more\n');
    await eventually(() => heard.text === 'first\ngot more\n', { what: 'the answer' });
    assert.deepEqual(await closed, [0, null]);
  });

  it('passes the end of input on, and ends when the program does, input or not', async () => {
    assert.equal(
      (await world.heyvm(['exec', 'box', 'wc', '-c'], { input: 'x'.repeat(1000) })).stdout.trim(),
      '1000',
    );
    assert.equal((await world.heyvm(['exec', 'box', 'wc', '-c'], { input: '' })).stdout.trim(), '0');
    const child = world.start(['exec', 'box', 'true']);
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0);
    child.stdin?.destroy();
  });

  it('does not mind input that nobody reads', async () => {
    const done = await world.heyvm(['exec', 'box', 'true'], { input: Buffer.alloc(8 * MEGABYTE) });
    assert.equal(done.code, 0, done.stderr);
  });

  for (const [name, number] of [
    ['INT', 2],
    ['TERM', 15],
    ['HUP', 1],
    ['QUIT', 3],
  ] as const) {
    it(`passes ${name} on, and ends as the program does`, async () => {
      const caught = world.start([
        'exec',
        'box',
        '--',
        'sh',
        '-c',
        `trap 'echo caught; exit 9' ${name}; echo ready; while :; do sleep 0.05; done`,
      ]);
      const heard = listenTo(caught.stdout);
      await eventually(() => heard.text.includes('ready'), { what: 'the program' });
      caught.kill(`SIG${name}`);
      assert.deepEqual(await once(caught, 'close'), [9, null]);
      assert.equal(heard.text, 'ready\ncaught\n');

      const killed = world.start(['exec', 'box', '--', 'sh', '-c', 'echo ready; exec sleep 100']);
      const started = listenTo(killed.stdout);
      await eventually(() => started.text.includes('ready'), { what: 'the program' });
      killed.kill(`SIG${name}`);
      assert.deepEqual(await once(killed, 'close'), [128 + number, null]);
    });
  }

  it('gives 128 and the number of the signal that ended the program', async () => {
    assert.equal((await inside('sh', '-c', 'kill -KILL $$')).code, 137);
  });

  it('leaves no program behind when it is killed itself', async () => {
    const child = world.start(['exec', 'box', '--', 'sh', '-c', 'echo ready; exec sleep 4242']);
    const heard = listenTo(child.stdout);
    await eventually(() => heard.text.includes('ready'), { what: 'the program' });
    child.kill('SIGKILL');
    await eventually(async () => !(await programs()).includes('sleep 4242'), {
      what: 'the end of the program',
    });
  });

  it('ends a program whose time is up, by force where it has to', async () => {
    const slow = await world.heyvm(['exec', '--timeout', '300ms', 'box', 'sleep', '4243']);
    assert.equal(slow.code, 7);
    assert.match(slow.stderr, /--timeout/);
    const stubborn = await world.heyvm([
      'exec',
      '--timeout=300ms',
      '--format=json',
      'box',
      '--',
      'sh',
      '-c',
      'trap "" TERM; echo on; while :; do sleep 0.05; done',
    ]);
    assert.equal(stubborn.code, 7);
    const result = resultOf(stubborn.stdout);
    assert.deepEqual([result.timed_out, result.signal, result.stdout], [true, 'KILL', 'on\n']);
    assert.doesNotMatch(await programs(), /sleep 4243|trap/);
  });

  it('answers in JSON with a bounded part of the outputs', async () => {
    const done = await world.heyvm([
      'exec',
      '--format',
      'json',
      'box',
      '--',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 4',
    ]);
    assert.equal(done.code, 4);
    const result = resultOf(done.stdout);
    assert.deepEqual(
      { ...result, duration_ms: 0 },
      { stdout: 'out\n', stderr: 'err\n', exit_code: 4, timed_out: false, truncated: false, duration_ms: 0 },
    );
    const much = await world.heyvm([
      'exec',
      '--format',
      'json',
      'box',
      '--',
      'sh',
      '-c',
      'head -c 5000000 /dev/zero | tr "\\0" x; exit 5',
    ]);
    assert.equal(much.code, 5);
    const bounded = resultOf(much.stdout);
    assert.equal(bounded.truncated, true);
    assert.ok(bounded.stdout.length >= 100_000 && bounded.stdout.length < 5_000_000);
    const absent = await world.heyvm(['exec', '--format', 'json', 'box', 'no-such-program']);
    assert.deepEqual([absent.code, errorOf(absent).code], [127, 'path-not-found']);
  });

  it('moves 300 MB in and out unchanged, with little memory in every process', async () => {
    const path = join(world.folder, 'big');
    const sent = randomFile(path, 300 * MEGABYTE);
    const child = world.start(['exec', 'box', 'cat']);
    child.stdin?.on('error', () => {});
    const { createReadStream } = await import('node:fs');
    if (child.stdin !== null) createReadStream(path).pipe(child.stdin);
    const peaks = new Map<string, number>();
    const watch = setInterval(() => note(peaks, child, sandbox), 20);
    const received = createHash('sha256');
    for await (const chunk of child.stdout ?? []) received.update(chunk);
    clearInterval(watch);
    assert.equal(received.digest('hex'), sent);
    console.log(
      `      peaks: ${[...peaks].map(([who, peak]) => `${who} ${Math.round(peak / MEGABYTE)} MB`).join(', ')}`,
    );
    assert.deepEqual([...peaks.keys()].sort(), ['command line', 'guest program', 'owner']);
    for (const [who, peak] of peaks) assert.ok(peak < MOST_MEMORY, `${who} needed ${peak} bytes`);
  });

  it('runs many at once without mixing them up', async () => {
    const numbers = Array.from({ length: 12 }, (_, index) => String(index));
    const done = await Promise.all(
      numbers.map(number => inside('sh', '-c', `echo ${number}; exit ${number}`)),
    );
    assert.deepEqual(
      done.map(({ code, stdout }) => [code, stdout]),
      numbers.map(number => [Number(number), `${number}\n`]),
    );
  });

  async function programs(): Promise<string> {
    return (await inside('sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')).stdout;
  }
});

/** Peaks of the three processes that data goes through: ours twice, and the program inside. */
function note(peaks: Map<string, number>, child: ChildProcess, sandbox: SandboxInfo): void {
  const owner = sandbox.owner?.pid ?? 0;
  const found: [string, number][] = [
    ['command line', child.pid ?? 0],
    ['owner', owner],
  ];
  for (const pid of descendants(owner)) {
    const argv = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'latin1') : '';
    if (/heyvm-guest\0serve|guest[^\0]*\0serve/.test(argv) && !argv.includes('bwrap'))
      found.push(['guest program', pid]);
  }
  for (const [who, pid] of found) {
    const peak = peakMemory(pid);
    if (peak > 0) peaks.set(who, Math.max(peak, peaks.get(who) ?? 0));
  }
}

function descendants(pid: number): number[] {
  const path = `/proc/${pid}/task`;
  if (!existsSync(path)) return [];
  const children = readdirSync(path).flatMap(task => {
    try {
      return readFileSync(`${path}/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
    } catch {
      // The thread ended while we looked.
      return [];
    }
  });
  return children.flatMap(child => [child, ...descendants(child)]);
}

function randomFile(path: string, size: number): string {
  const hash = createHash('sha256');
  const block = Buffer.alloc(MEGABYTE);
  const file = openSync(path, 'w');
  for (let written = 0; written < size; written += block.length) {
    randomFillSync(block);
    hash.update(block);
    writeSync(file, block);
  }
  closeSync(file);
  return hash.digest('hex');
}

function resultOf(stdout: string): ExecResult {
  const parsed = parse(ExecResult, JSON.parse(stdout));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
  return parsed.value;
}
