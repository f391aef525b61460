import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import type { GuestProcess } from '../../server/core/guest.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, collect, run, skipWithoutProgram, startBench } from './guestProgram.ts';

for (const way of ['direct', 'chained'] as const) {
  describe(`programs, ${way === 'direct' ? 'straight to the guest program' : 'through a server in between'}`, () => {
    let bench: Bench;
    before(async function () {
      skipWithoutProgram(this);
      bench = await startBench();
    });
    after(() => bench?.close());

    it('give both outputs and their exit code', async () => {
      const output = await run(bench[way], { argv: ['sh', '-c', 'echo out; echo err >&2; exit 42'] });
      assert.deepEqual(
        { ...output, stdout: String(output.stdout), stderr: String(output.stderr) },
        { stdout: 'out\n', stderr: 'err\n', status: { kind: 'exited', code: 42 } },
      );
    });

    it('take standard input to its end', async () => {
      const { stdout } = await run(bench[way], { argv: ['tr', 'a-z', 'A-Z'] }, 'hello');
      assert.equal(String(stdout), 'HELLO');
    });

    it('keep the order of what they write', async () => {
      const { stdout } = await run(bench[way], { argv: ['seq', '1', '200000'] });
      const lines = String(stdout).trimEnd().split('\n');
      assert.equal(lines.length, 200_000);
      assert.ok(lines.every((line, index) => line === String(index + 1)));
    });

    it('get their arguments, environment and folder unchanged', async () => {
      const script = 'printf "%s|" "$@" "$HEYVM_TEST" "$HOME" "$(pwd)"';
      const argv = ['sh', '-c', script, 'sh', 'a b', '', '$HOME', 'ü\n"'];
      const { stdout } = await run(bench[way], { argv, cwd: '/', env: { HEYVM_TEST: 'x=y z' } });
      assert.equal(String(stdout), `a b||$HOME|ü\n"|x=y z|${join(bench.home, 'home')}|/|`);
    });

    it('are found in the path that the request sets', async () => {
      const file = join(bench.home, 'my-program');
      await writeFile(file, 'echo found', { mode: 0o755 });
      const { stdout } = await run(bench[way], {
        argv: ['my-program'],
        env: { PATH: `/nowhere:${bench.home}:/bin` },
      });
      assert.equal(String(stdout), 'found\n');
    });

    const failures = [
      {
        title: 'does not exist',
        argv: ['no-such-program-here'],
        cwd: '/tmp',
        code: 'path-not-found',
        errno: 'ENOENT',
      },
      {
        title: 'has no folder',
        argv: ['true'],
        cwd: '/no/such/folder',
        code: 'path-not-found',
        errno: 'ENOENT',
      },
      {
        title: 'is below a file',
        argv: ['/etc/passwd/x'],
        cwd: '/tmp',
        code: 'path-not-found',
        errno: 'ENOTDIR',
      },
      {
        title: 'may not be run',
        argv: ['/etc/passwd'],
        cwd: '/tmp',
        code: 'policy-refused',
        errno: 'EACCES',
      },
    ];
    for (const { title, argv, cwd, code, errno } of failures) {
      it(`are refused with a reason when the program ${title}`, async () => {
        await assert.rejects(bench[way].exec({ argv, cwd }), (error: unknown) => {
          assert.ok(error instanceof SandboxError);
          assert.deepEqual({ code: error.code, errno: error.data?.['errno'] }, { code, errno });
          return true;
        });
      });
    }

    it('are signalled as a group and say by which signal they ended', async () => {
      for (const signal of ['TERM', 'KILL', 'INT', 'USR1'] as const) {
        const started = await bench[way].exec({ argv: ['sh', '-c', 'sleep 1000 & wait'], cwd: '/tmp' });
        await started.signal(signal);
        assert.deepEqual(await started.exited, { kind: 'signalled', signal });
        await started.signal(signal);
      }
    });

    it('may handle a signal', async () => {
      const script = 'trap "echo caught; exit 7" TERM; echo ready; while :; do sleep 0.01; done';
      const started = await bench[way].exec({ argv: ['sh', '-c', script], cwd: '/tmp' });
      await once(started.stdout, 'data');
      await started.signal('TERM');
      const output = await collect(started);
      assert.equal(String(output.stdout), 'caught\n');
      assert.deepEqual(output.status, { kind: 'exited', code: 7 });
    });

    it('can be signalled although their input is blocked', async () => {
      const started = await bench[way].exec({ argv: ['sleep', '1000'], cwd: '/tmp' });
      started.stdin.write(Buffer.alloc(4_000_000));
      await started.signal('TERM');
      assert.deepEqual(await started.exited, { kind: 'signalled', signal: 'TERM' });
    });

    it('may close their input early', async () => {
      const { stdout, status } = await run(
        bench[way],
        { argv: ['head', '-c', '3'] },
        Buffer.alloc(3_000_000, 'abc'),
      );
      assert.equal(String(stdout), 'abc');
      assert.deepEqual(status, { kind: 'exited', code: 0 });
    });

    it('end although a child in the background keeps the output open', async () => {
      const { stdout, status } = await run(bench[way], { argv: ['sh', '-c', 'sleep 1000 & echo $!'] });
      assert.deepEqual(status, { kind: 'exited', code: 0 });
      process.kill(Number(String(stdout)), 'SIGKILL');
    });

    it('lose nothing that they wrote just before they ended', async () => {
      for (let round = 0; round < 20; round++) {
        const { stdout } = await run(bench[way], { argv: ['head', '-c', '60000', '/dev/zero'] });
        assert.equal(stdout.length, 60_000);
      }
    });

    it('run side by side without mixing', async () => {
      const outputs = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          run(bench[way], { argv: ['sh', '-c', `cat; echo ${index}; exit ${index}`] }, `in ${index}\n`),
        ),
      );
      for (const [index, { stdout, status }] of outputs.entries()) {
        assert.equal(String(stdout), `in ${index}\n${index}\n`);
        assert.deepEqual(status, { kind: 'exited', code: index });
      }
    });

    it('are hung up when their client gives up', async () => {
      const file = join(bench.home, `hup-${way}`);
      const script = `trap "echo gone > '${file}'; exit" HUP; echo ready; sleep 1000 & wait`;
      const started = await bench[way].exec({ argv: ['sh', '-c', script], cwd: '/tmp' });
      await once(started.stdout, 'data');
      started.hangUp();
      assert.deepEqual(await started.exited, { kind: 'signalled', signal: 'HUP' });
      await eventually(async () => (await readFile(file, 'utf8')) === 'gone\n');
    });

    it('are hung up in the end although their input is blocked', async () => {
      const started = await startSleeper(bench[way], Buffer.alloc(4_000_000));
      started.process.hangUp();
      await eventually(() => !isAlive(started.pid), { what: 'the end of the program', withinMs: 30_000 });
    });

    it('get a terminal of the size asked for, and its changes', async () => {
      const pty = { term: 'xterm-test', size: { columns: 91, rows: 37 } };
      const script =
        'stty size; echo $TERM; tty; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.01; done';
      const started = await bench[way].exec({ argv: ['sh', '-c', script], cwd: '/tmp', pty });
      const text = watch(started);
      await eventually(() => text().includes('ready'));
      await started.resize({ columns: 120, rows: 40 });
      assert.deepEqual(await started.exited, { kind: 'exited', code: 5 });
      assert.match(text(), /^37 91\r\nxterm-test\r\n\/dev\/pts\/\d+\r\nready\r\n40 120\r\n$/);
    });

    it('are interrupted by Ctrl-C in a terminal', async () => {
      const pty = { term: 'xterm', size: { columns: 80, rows: 24 } };
      const started = await bench[way].exec({
        argv: ['sh', '-c', 'echo ready; exec sleep 1000'],
        cwd: '/tmp',
        pty,
      });
      const text = watch(started);
      await eventually(() => text().includes('ready'));
      started.stdin.write('\x03');
      assert.deepEqual(await started.exited, { kind: 'signalled', signal: 'INT' });
    });

    it('see the end of input in a terminal', async () => {
      const pty = { term: 'xterm', size: { columns: 80, rows: 24 } };
      for (const input of ['line\n', 'no line end', '']) {
        const argv = ['sh', '-c', 'stty -echo; echo ready; wc -c'];
        const started = await bench[way].exec({ argv, cwd: '/tmp', pty });
        const text = watch(started);
        await eventually(() => text().includes('ready'));
        started.stdin.end(input);
        assert.deepEqual(await started.exited, { kind: 'exited', code: 0 });
        assert.equal(text().trim().split(/\s+/).at(-1), String(input.length));
      }
    });

    it('signal the job in the foreground of a terminal', async () => {
      const pty = { term: 'xterm', size: { columns: 80, rows: 24 } };
      const script =
        'set -m; sh -c "trap \'echo job; exit 3\' USR1; echo ready; while :; do sleep 0.01; done"';
      const started = await bench[way].exec({
        argv: ['bash', '-c', `trap : USR1; ${script}`],
        cwd: '/tmp',
        pty,
      });
      const text = watch(started);
      await eventually(() => text().includes('ready'));
      await started.signal('USR1');
      assert.deepEqual(await started.exited, { kind: 'exited', code: 3 });
      assert.match(text(), /job/);
    });
  });
}

function watch(started: GuestProcess): () => string {
  let text = '';
  started.stdout.on('data', chunk => {
    text += String(chunk);
  });
  return () => text;
}

async function startSleeper(
  guest: Bench['direct'],
  input: Buffer,
): Promise<{ process: GuestProcess; pid: number }> {
  const process = await guest.exec({ argv: ['sh', '-c', 'echo $$; exec sleep 1000'], cwd: '/tmp' });
  const [chunk] = await once(process.stdout, 'data');
  process.stdin.write(input);
  let before = -1;
  await eventually(
    () => {
      const now = process.stdin.writableLength;
      const stuck = now === before && now > 0;
      before = now;
      return stuck;
    },
    { what: 'the input being stuck', everyMs: 100 },
  );
  return { process, pid: Number(String(chunk)) };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // No such process.
    return false;
  }
}
