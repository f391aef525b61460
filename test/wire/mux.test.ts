import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { guestOver, type RemoteGuest } from '../../server/wire/client.ts';
import { type Mux, muxOver } from '../../server/wire/mux.ts';
import { MUX_MAGIC } from '../../server/wire/muxFrames.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, everything, run, skipWithoutProgram, startBench } from './guestProgram.ts';
import { type Lane, overPipes, overSocket, startSleeper } from './lanes.ts';

const MEGABYTE = 1024 * 1024;

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

async function startShouter(at: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, async socket => {
    const text = await everything(socket);
    socket.end(String(text).toUpperCase());
  }).listen(at);
  await once(server, 'listening');
  return server;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SandboxError ? error.code : undefined;
}
