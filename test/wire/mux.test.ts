import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Duplex, type Readable } from 'node:stream';
import { SandboxError } from '../../server/core/errors.ts';
import type { GuestProcess } from '../../server/core/guest.ts';
import { connect } from '../../server/platform/sockets.ts';
import { guestOver, type RemoteGuest } from '../../server/wire/client.ts';
import { type Mux, muxOver } from '../../server/wire/mux.ts';
import { MUX_MAGIC } from '../../server/wire/muxFrames.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, everything, guestProgram, run, skipWithoutProgram, startBench } from './guestProgram.ts';

const MEGABYTE = 1024 * 1024;

type Lane = { readonly program: ChildProcess; readonly stream: Duplex };

/** The multiplexer of the guest program with pipes, as an engine's `exec` gives them. */
async function overPipes(socket: string): Promise<Lane> {
  const script = 'cat | "$0" mux --stdio --socket "$1" | cat';
  const program = spawn('sh', ['-c', script, guestProgram ?? '', socket], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const stream = Duplex.from({ readable: program.stdout, writable: program.stdin });
  return { program, stream };
}

/** The same with one socket for both directions. */
async function overSocket(socket: string, folder: string): Promise<Lane> {
  const path = join(folder, `lane-${randomBytes(4).toString('hex')}`);
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const stream = await connect(path);
  const [inner] = await accepted;
  const program = spawn(guestProgram ?? '', ['mux', '--stdio', '--socket', socket], {
    stdio: [inner, inner, 'ignore'],
  });
  inner.destroy();
  server.close();
  return { program, stream };
}

for (const way of ['pipes', 'socket'] as const) {
  describe(`many connections over ${way === 'pipes' ? 'two pipes' : 'one socket'}`, () => {
    let bench: Bench;
    let lane: Lane;
    let mux: Mux;
    let guest: RemoteGuest;
    const open = (): Promise<Lane> =>
      way === 'pipes' ? overPipes(bench.socket) : overSocket(bench.socket, bench.home);
    before(async function () {
      skipWithoutProgram(this);
      bench = await startBench();
    });
    beforeEach(async () => {
      lane = await open();
      mux = await muxOver(lane.stream);
      guest = guestOver(() => mux.connect());
    });
    afterEach(async () => {
      mux.close();
      if (lane.program.exitCode === null && lane.program.signalCode === null)
        await once(lane.program, 'exit');
    });
    after(() => bench?.close());

    it('run a hundred programs at once', async () => {
      const numbers = Array.from({ length: 100 }, (_, index) => index);
      const texts = await Promise.all(
        numbers.map(async number => {
          const { stdout, status } = await run(guest, { argv: ['cat'] }, `input ${number}`);
          assert.deepEqual(status, { kind: 'exited', code: 0 });
          return String(stdout);
        }),
      );
      assert.deepEqual(
        texts,
        numbers.map(number => `input ${number}`),
      );
    });

    it('answer on one while much goes through another', async () => {
      const started = await guest.exec({
        argv: ['head', '-c', String(200 * MEGABYTE), '/dev/zero'],
        cwd: '/tmp',
      });
      let length = 0;
      let ended = false;
      const reading = (async () => {
        for await (const chunk of started.stdout) length += chunk.length;
        ended = true;
      })();
      let answers = 0;
      while (!ended) {
        await guest.ping();
        answers += 1;
      }
      await reading;
      assert.equal(length, 200 * MEGABYTE);
      assert.ok(answers > 10, `${answers} answers meanwhile`);
    });

    it('carry much in both directions at once, intact', async () => {
      const started = await guest.exec({ argv: ['cat'], cwd: '/tmp' });
      const block = randomBytes(MEGABYTE);
      const expected = createHash('sha256');
      const sending = (async () => {
        for (let count = 0; count < 30; count++) {
          expected.update(block);
          if (!started.stdin.write(block)) await once(started.stdin, 'drain');
        }
        started.stdin.end();
      })();
      const got = createHash('sha256');
      for await (const chunk of started.stdout) got.update(chunk);
      await sending;
      assert.equal(got.digest('hex'), expected.digest('hex'));
    });

    it('are not held up by one that nobody reads', async () => {
      const stalled = await guest.exec({ argv: ['cat', '/dev/zero'], cwd: '/tmp' });
      await eventually(() => stalled.stdout.readableLength > 0);
      const deaf = await guest.exec({ argv: ['sleep', '1000'], cwd: '/tmp' });
      const block = Buffer.alloc(MEGABYTE);
      for (let count = 0; count < 8; count++) deaf.stdin.write(block);
      for (let count = 0; count < 20; count++) {
        const { stdout } = await run(guest, { argv: ['sh', '-c', 'head -c 3000000 /dev/zero'] });
        assert.equal(stdout.length, 3_000_000);
      }
      assert.ok(stalled.stdout.readableLength < 2 * MEGABYTE);
      stalled.hangUp();
      deaf.hangUp();
    });

    it('pass half-close on', async () => {
      const shouter = await startShouter(join(bench.home, `shouter-${way}`));
      const stream = await guest.dial({ kind: 'unix', path: join(bench.home, `shouter-${way}`) });
      stream.end(`hello${'.'.repeat(2 * MEGABYTE)}`);
      assert.equal(String(await everything(stream)), `HELLO${'.'.repeat(2 * MEGABYTE)}`);
      shouter.close();
    });

    it('hang a program up when its connection is closed', async () => {
      const { started, pid } = await startSleeper(guest);
      started.hangUp();
      await eventually(() => !existsSync(`/proc/${pid}`));
    });

    it('may carry what begins a session', async () => {
      const text = Buffer.concat([
        MUX_MAGIC,
        Buffer.from('x'),
        ...Array.from({ length: 5000 }, () => MUX_MAGIC),
      ]);
      const { stdout } = await run(guest, { argv: ['cat'] }, text);
      assert.ok(stdout.equals(text));
    });

    it('serve files', async () => {
      const stream = await guest.sftp();
      stream.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
      const [answer] = await once(stream, 'data');
      assert.equal(answer[4], 2);
      stream.destroy();
    });

    it('end together when the stream is closed', async () => {
      const { started, pid } = await startSleeper(guest);
      mux.close();
      assert.deepEqual(await started.exited, { kind: 'signalled', signal: 'HUP' });
      assert.equal(await mux.closed, undefined);
      await eventually(() => !existsSync(`/proc/${pid}`));
      await assert.rejects(mux.connect(), (error: unknown) => codeOf(error) === 'not-running');
    });
  });
}

describe('a stream with many connections', () => {
  let bench: Bench;
  let lane: Lane;
  before(async function () {
    skipWithoutProgram(this);
    bench = await startBench();
  });
  beforeEach(async () => {
    lane = await overSocket(bench.socket, bench.home);
  });
  afterEach(async () => {
    lane.stream.destroy();
    if (lane.program.exitCode === null && lane.program.signalCode === null) await once(lane.program, 'exit');
  });
  after(() => bench?.close());

  it('goes to a new owner where the old one died in the middle of a frame', async () => {
    for (let cut = 1; cut < 40; cut += 3) {
      const pid = await interrupted(lane.stream, cut);
      const mux = await muxOver(lane.stream);
      const { stdout } = await run(
        guestOver(() => mux.connect()),
        { argv: ['echo', 'mine'] },
      );
      assert.equal(String(stdout), 'mine\n');
      await eventually(() => !existsSync(`/proc/${pid}`));
      // The stream itself lives on, as a port of a machine does.
      for (const event of ['data', 'drain', 'error', 'end', 'close']) lane.stream.removeAllListeners(event);
    }
  });

  it('is over for both sides when the multiplexer inside dies', async () => {
    const mux = await muxOver(lane.stream);
    const { started, pid } = await startSleeper(guestOver(() => mux.connect()));
    lane.program.kill('SIGKILL');
    assert.deepEqual(await started.exited, { kind: 'signalled', signal: 'HUP' });
    await mux.closed;
    await eventually(() => !existsSync(`/proc/${pid}`));
  });

  it('survives whatever comes before the greeting', async () => {
    for (let round = 0; round < 20; round++) lane.stream.write(randomBytes(5000));
    lane.stream.write(MUX_MAGIC.subarray(0, 9));
    const mux = await muxOver(lane.stream);
    await guestOver(() => mux.connect()).ping();
  });

  it('is closed with a reason when what we send is no frame', async () => {
    for (let round = 0; round < 30; round++) {
      const one = await overSocket(bench.socket, bench.home);
      const mux = await muxOver(one.stream);
      const guest = guestOver(() => mux.connect());
      await guest.ping();
      one.stream.write(randomBytes(64 + round * 100));
      const ended = once(one.program, 'exit');
      one.stream.end();
      await Promise.all([mux.closed, ended]);
      assert.notEqual(one.program.exitCode, null);
    }
    await bench.direct.ping();
  });

  it('is closed with a reason when the guest sends what is no frame', async () => {
    for (let round = 0; round < 50; round++) {
      const { near, far } = await pair(bench.home);
      far.once('data', greeting => far.end(Buffer.concat([randomBytes(100), greeting, randomBytes(5000)])));
      const mux = await muxOver(near);
      const channel = await mux.connect().catch(() => undefined);
      await mux.closed;
      if (channel !== undefined) await eventually(() => channel.destroyed);
      assert.ok(near.destroyed);
    }
  });

  it('does not wait for ever for an answer', async () => {
    const { near } = await pair(bench.home);
    await assert.rejects(
      muxOver(near, { signal: AbortSignal.timeout(50) }),
      (error: unknown) => codeOf(error) === 'timeout',
    );
    assert.ok(near.destroyed);
    const { near: other, far } = await pair(bench.home);
    far.end();
    await assert.rejects(muxOver(other), (error: unknown) => codeOf(error) === 'not-running');
  });

  it('tells when there is no server behind it', async () => {
    const one = await overSocket(join(bench.home, 'nothing'), bench.home);
    const mux = await muxOver(one.stream);
    const guest = guestOver(() => mux.connect());
    await assert.rejects(guest.ping(), (error: unknown) => codeOf(error) === 'not-running');
    const ended = once(one.program, 'exit');
    mux.close();
    await ended;
  });
});

/** An owner that starts a program and stops in the middle of what it says; answers the program's number. */
async function interrupted(stream: Duplex, cut: number): Promise<number> {
  const mux = await muxOver(stream);
  const { pid } = await startSleeper(guestOver(() => mux.connect()));
  for (const event of ['data', 'drain', 'error', 'end', 'close']) stream.removeAllListeners(event);
  stream.write(Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0xff, 0, 2]), randomBytes(100)]).subarray(0, cut));
  return pid;
}

/** A program that only ends when it is hung up. */
async function startSleeper(guest: RemoteGuest): Promise<{ started: GuestProcess; pid: number }> {
  const started = await guest.exec({ argv: ['sh', '-c', 'echo $$; exec sleep 1000'], cwd: '/tmp' });
  const [chunk] = await once(started.stdout, 'data');
  return { started, pid: Number(chunk) };
}

async function pair(folder: string): Promise<{ near: Duplex; far: Duplex }> {
  const path = join(folder, `pair-${randomBytes(4).toString('hex')}`);
  const server = createServer({ allowHalfOpen: true }).listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const near = await connect(path);
  const [far] = await accepted;
  server.close();
  return { near, far };
}

async function startShouter(at: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, async socket => {
    const text = await everything(socket as Readable);
    socket.end(String(text).toUpperCase());
  }).listen(at);
  await once(server, 'listening');
  return server;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SandboxError ? error.code : undefined;
}
