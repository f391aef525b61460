import { strict as assert } from 'node:assert';
import { PassThrough } from 'node:stream';
import { createDecoder, FrameError, readFrame } from '../../server/wire/decoder.ts';
import { encodeMessage, stdinEndFrame, writeBytes } from '../../server/wire/encoder.ts';
import { FrameType, MAX_FRAME } from '../../server/wire/frames.ts';

type Seen = { type: FrameType; text: string };

/** What a decoder makes of `bytes` in pieces; pieces of one stream in a row count as one. */
function decode(pieces: readonly Buffer[]): Seen[] {
  const seen: Seen[] = [];
  const push = createDecoder({
    bytes(type, piece) {
      const last = seen.at(-1);
      if (last?.type === type) last.text += piece.toString('latin1');
      else seen.push({ type, text: piece.toString('latin1') });
    },
    message: (type, payload) => seen.push({ type, text: payload.toString('latin1') }),
  });
  for (const piece of pieces) push(piece);
  return seen;
}

function frame(type: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(5);
  head[0] = type;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const conversation = Buffer.concat([
  frame(FrameType.reply, '{"ok":true}'),
  frame(FrameType.stdout, 'first '),
  frame(FrameType.stdout, ''),
  frame(FrameType.stdout, 'second'),
  frame(FrameType.stderr, Buffer.from([0, 1, 255, 0x20, 0x30])),
  frame(FrameType.stdinEnd, ''),
  frame(FrameType.exit, '{"kind":"exited","code":0}'),
]);

const understood: Seen[] = [
  { type: FrameType.reply, text: '{"ok":true}' },
  { type: FrameType.stdout, text: 'first second' },
  { type: FrameType.stderr, text: '\x00\x01\xff 0' },
  { type: FrameType.stdinEnd, text: '' },
  { type: FrameType.exit, text: '{"kind":"exited","code":0}' },
];

describe('the frame decoder', () => {
  it('understands a conversation however it is cut in two', () => {
    for (let at = 0; at <= conversation.length; at++) {
      assert.deepEqual(
        decode([conversation.subarray(0, at), conversation.subarray(at)]),
        understood,
        `cut at ${at}`,
      );
    }
  });

  it('understands a conversation that comes byte by byte', () => {
    assert.deepEqual(decode([...conversation].map(byte => Buffer.from([byte]))), understood);
  });

  it('understands a conversation in random pieces', () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    const next = random(seed);
    for (let round = 0; round < 200; round++) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < conversation.length; ) {
        const length = 1 + Math.floor(next() * 20);
        pieces.push(conversation.subarray(at, at + length));
        at += length;
      }
      assert.deepEqual(decode(pieces), understood, `seed ${seed}, round ${round}`);
    }
  });

  it('gives out streams without copying them', () => {
    const bytes = frame(FrameType.stdout, 'x'.repeat(100));
    const pieces: Buffer[] = [];
    createDecoder({ bytes: (_type, piece) => pieces.push(piece), message: () => {} })(bytes);
    assert.equal(pieces[0]?.buffer, bytes.buffer);
  });

  const wrong = [
    { title: 'an unknown type', bytes: frame(0x7f, '') },
    { title: 'a type of zero', bytes: frame(0, '') },
    { title: 'a length beyond the limit', bytes: Buffer.from([FrameType.stdout, 0, 4, 0, 1]) },
    {
      title: 'the largest length that can be written',
      bytes: Buffer.from([FrameType.reply, 255, 255, 255, 255]),
    },
  ];
  for (const { title, bytes } of wrong) {
    it(`refuses ${title}`, () => {
      assert.throws(() => decode([bytes]), FrameError);
    });
  }

  it('accepts a frame of exactly the limit', () => {
    const [seen] = decode([frame(FrameType.stdout, Buffer.alloc(MAX_FRAME, 'y'))]);
    assert.equal(seen?.text.length, MAX_FRAME);
  });
});

describe('reading one frame', () => {
  it('leaves what follows in the stream', async () => {
    const stream = new PassThrough();
    stream.write(frame(FrameType.header, 'one'));
    stream.end('rest');
    const read = await readFrame(stream);
    assert.deepEqual(
      { type: read?.type, text: read?.payload.toString() },
      { type: FrameType.header, text: 'one' },
    );
    assert.equal(Buffer.concat(await stream.toArray()).toString(), 'rest');
  });

  it('waits for a frame that comes in pieces, up to the limit', async () => {
    const stream = new PassThrough();
    const reading = readFrame(stream);
    const bytes = frame(FrameType.header, Buffer.alloc(MAX_FRAME, 'z'));
    for (let at = 0; at < bytes.length; at += 50_000) stream.write(bytes.subarray(at, at + 50_000));
    assert.equal((await reading)?.payload.length, MAX_FRAME);
  });

  it('says so when the stream ends in the middle', async () => {
    for (const length of [0, 3, 5, 7]) {
      const stream = new PassThrough();
      stream.end(frame(FrameType.header, 'abcdef').subarray(0, length));
      assert.equal(await readFrame(stream), undefined, `${length} bytes`);
    }
  });

  it('refuses what is no frame', async () => {
    const stream = new PassThrough();
    stream.end('GET / HTTP/1.1\r\n');
    await assert.rejects(readFrame(stream), FrameError);
  });
});

describe('the frame encoder', () => {
  it('cuts long streams into frames that the decoder takes', async () => {
    const stream = new PassThrough({ highWaterMark: 10 * MAX_FRAME });
    const bytes = Buffer.alloc(2 * MAX_FRAME + 17, 'abc');
    const written = new Promise<void>(resolve => {
      writeBytes(stream, FrameType.stdin, bytes, () => resolve());
    });
    stream.write(stdinEndFrame);
    const seen = decode([stream.read()]);
    assert.deepEqual(seen, [
      { type: FrameType.stdin, text: bytes.toString('latin1') },
      { type: FrameType.stdinEnd, text: '' },
    ]);
    await written;
  });

  it('refuses a message that does not fit', () => {
    assert.throws(() => encodeMessage(FrameType.header, { text: 'x'.repeat(MAX_FRAME) }), RangeError);
  });
});

/** A small generator whose numbers follow from its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
