import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { SandboxError } from '../../server/core/errors.ts';
import { guestOver } from '../../server/wire/client.ts';
import { muxOver } from '../../server/wire/mux.ts';
import { MUX_MAGIC } from '../../server/wire/muxFrames.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, run, skipWithoutProgram, startBench } from './guestProgram.ts';
import { type Lane, overSocket, pair, startSleeper } from './lanes.ts';

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

function codeOf(error: unknown): string | undefined {
  return error instanceof SandboxError ? error.code : undefined;
}
