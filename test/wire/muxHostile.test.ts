// A guest that speaks the multiplexer's language to harm its owner: what it costs stays small, and others go on.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Mux, muxOver } from '../../server/wire/mux.ts';
import { encodeMuxHead, MUX_MAGIC, MuxType, SESSION_NAME, WINDOW } from '../../server/wire/muxFrames.ts';

const MIB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('a hostile guest behind a multiplexer', () => {
  let line: Line;
  let mux: Mux;
  beforeEach(async () => {
    line = new Line();
    mux = await muxOver(line);
  });
  afterEach(() => mux.close());

  it('cannot make one byte keep the whole read that it came with', async () => {
    await mux.connect();
    const before = memory();
    const padding = data(77, Buffer.alloc(63 * 1024));
    for (let round = 0; round < 3000; round += 1) {
      // As a socket gives it: a buffer of its own for every read.
      line.say(Buffer.concat([data(1, Buffer.from('x')), padding]));
      if (round % 50 === 0) await setImmediate();
    }
    assert.ok(memory() - before < 40 * MIB, `${(memory() - before) / MIB} MiB more`);
  });

  it('cannot make tiny pieces cost much more than they are', async () => {
    const channels = await Promise.all(Array.from({ length: 4 }, () => mux.connect()));
    const before = memory();
    for (let id = 1; id <= channels.length; id += 1) {
      const frames = Buffer.concat(Array.from({ length: 4096 }, () => data(id, Buffer.from('x'))));
      for (let sent = 0; sent < WINDOW; sent += 4096) line.say(Buffer.from(frames));
      await setImmediate();
    }
    assert.ok(memory() - before < 40 * MIB, `${(memory() - before) / MIB} MiB more`);
    let length = 0;
    channels[0]?.on('data', chunk => {
      length += chunk.length;
    });
    for (let turn = 0; turn < 200 && length < WINDOW; turn += 1) await setImmediate();
    assert.equal(length, WINDOW);
  });

  it('is cut off when it sends more than it may', async () => {
    await mux.connect();
    for (let sent = 0; sent <= WINDOW; sent += 64 * 1024) line.say(data(1, Buffer.alloc(64 * 1024)));
    assert.match(String(await mux.closed), /more data than there is credit/);
  });

  it('is cut off when it gives more credit than there is', async () => {
    await mux.connect();
    const credit = Buffer.alloc(4);
    credit.writeUInt32BE(0xffff_ffff);
    line.say(Buffer.concat([encodeMuxHead({ channel: 1, type: MuxType.credit, length: 4 }), credit]));
    assert.match(String(await mux.closed), /more credit than there is/);
  });

  it('is heard to the end of what it said before it closed', async () => {
    const channel = await mux.connect();
    const said = randomBytes(200 * 1024);
    for (let at = 0; at < said.length; at += 1000) line.say(data(1, said.subarray(at, at + 1000)));
    for (const type of [MuxType.end, MuxType.close]) line.say(encodeMuxHead({ channel: 1, type, length: 0 }));
    const heard: Buffer[] = [];
    for await (const chunk of channel) heard.push(chunk);
    assert.ok(Buffer.concat(heard).equals(said));
  });
});

/** The stream to a guest: it greets, takes what it is told, and says what the test wants. */
class Line extends Duplex {
  say(bytes: Buffer): void {
    this.push(bytes);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (chunk.subarray(0, MUX_MAGIC.length).equals(MUX_MAGIC)) {
      this.push(chunk.subarray(0, MUX_MAGIC.length + SESSION_NAME));
    }
    done();
  }
}

function data(channel: number, payload: Buffer): Buffer {
  return Buffer.concat([encodeMuxHead({ channel, type: MuxType.data, length: payload.length }), payload]);
}

function memory(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
