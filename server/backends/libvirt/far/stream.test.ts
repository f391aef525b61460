// The protocol of libvirt, against a daemon that is a script: pieces of any size, refusals, and what is no message.
import { strict as assert } from 'node:assert';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { eventually } from '../../../../test/support/eventually.ts';
import { alive, encodeFrame, type Frame, frameReader, KEEPALIVE, statuses, types, xdr } from './frames.ts';
import { openStream } from './stream.ts';

type Answer = { readonly status?: number; readonly payload?: Buffer };

const DOMAIN = Buffer.concat([xdr.text('machine'), Buffer.alloc(16, 7), xdr.number(3)]);
const answers: Readonly<Record<number, Answer>> = {
  66: { payload: Buffer.concat([xdr.number(1), xdr.number(0)]) },
  23: { payload: DOMAIN },
};

/** Sends everything in pieces of `size`; what a client writes to its stream comes back. */
function daemon(
  own: Readonly<Record<number, Answer>> = {},
  { size = 5, pulse = 'answers' }: { size?: number; pulse?: 'answers' | 'silent' } = {},
): { connection: Duplex; heard: Frame[] } {
  const heard: Frame[] = [];
  const say = (frame: Frame): void => {
    const bytes = encodeFrame(frame);
    for (let at = 0; at < bytes.length; at += size) connection.push(bytes.subarray(at, at + size));
  };
  const read = frameReader(frame => {
    heard.push(frame);
    if (frame.program === KEEPALIVE) {
      const isAsked = frame.procedure === alive.ping && pulse === 'answers';
      return isAsked ? say({ ...beat, procedure: alive.pong }) : undefined;
    }
    if (frame.type === types.stream) {
      say(
        frame.status === statuses.ok
          ? { ...frame, status: statuses.continue, payload: Buffer.alloc(0) }
          : frame,
      );
      return;
    }
    const { status = statuses.ok, payload = Buffer.alloc(0) } =
      own[frame.procedure] ?? answers[frame.procedure] ?? {};
    say({ ...frame, type: types.reply, status, payload });
  });
  const connection = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      read(chunk);
      done();
    },
  });
  return { connection, heard };
}

const beat = {
  program: KEEPALIVE,
  type: types.message,
  serial: 0,
  status: statuses.ok,
  payload: Buffer.alloc(0),
};
const wish = { own: 'qemu:///system', domain: 'machine', what: 'channel' } as const;

function refusal(code: number, said: string): Answer {
  return {
    status: statuses.error,
    payload: Buffer.concat([xdr.number(code), xdr.number(10), xdr.optional(said), xdr.number(2)]),
  };
}

describe('streams of libvirt', () => {
  it('break when libvirt stops answering, and not while it answers', async () => {
    const silent = daemon({}, { pulse: 'silent' });
    const lost = await openStream(silent.connection, { ...wish, pulseMs: 2 });
    await assert.rejects(text(lost), /stopped answering/);
    const there = daemon();
    const kept = await openStream(there.connection, { ...wish, pulseMs: 2 });
    there.connection.push(encodeFrame({ ...beat, procedure: alive.ping }));
    const heard = (procedure: number): number =>
      there.heard.filter(frame => frame.program === KEEPALIVE && frame.procedure === procedure).length;
    await eventually(() => heard(alive.ping) > 20, { what: 'many questions' });
    assert.equal(heard(alive.pong), 1);
    assert.ok(!kept.destroyed);
    kept.destroy();
  });

  it('carry what is written both ways, until their end', async () => {
    const { connection, heard } = daemon();
    const stream = await openStream(connection, wish);
    const large = 'x'.repeat(300_000);
    stream.end(large);
    assert.equal(await text(stream), large);
    const asked = heard.find(({ procedure, type }) => procedure === 296 && type === types.call);
    assert.deepEqual(asked?.payload, Buffer.concat([DOMAIN, xdr.number(0), xdr.number(1)]));
    assert.ok(heard.every(({ payload }) => payload.length <= 256 * 1024));
  });

  const refused: readonly (readonly [string, Readonly<Record<number, Answer>>, object])[] = [
    ['a machine that is off', { 296: refusal(55, 'domain is not running') }, { code: 'not-running' }],
    ['a machine that is not there', { 23: refusal(42, 'no domain') }, { code: 'not-running' }],
    [
      'what else is refused',
      { 296: refusal(1, 'no') },
      { code: 'command-failed', message: 'libvirt refused: no' },
    ],
    [
      'a libvirt that asks for a password',
      { 66: { payload: Buffer.concat([xdr.number(1), xdr.number(1)]) } },
      { code: 'unsupported' },
    ],
  ];
  for (const [what, own, error] of refused) {
    it(`are refused, and the connection ends: ${what}`, async () => {
      const { connection } = daemon(own);
      await assert.rejects(openStream(connection, wish), error);
      assert.ok(connection.destroyed);
    });
  }

  it('say who they are where libvirt asks polkit', async () => {
    const { connection, heard } = daemon({ 66: { payload: Buffer.concat([xdr.number(1), xdr.number(2)]) } });
    (await openStream(connection, wish)).destroy();
    assert.deepEqual(
      heard.map(({ procedure }) => procedure),
      [66, 70, 1, 23, 296],
    );
  });

  it('end with what breaks them', async () => {
    const { connection } = daemon();
    const stream = await openStream(connection, wish);
    connection.push(Buffer.alloc(28, 0xff));
    await assert.rejects(text(stream), /no message/);
  });
});
