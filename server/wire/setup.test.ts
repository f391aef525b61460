// What only the owner asks a machine's guest program, of guests that answer with nonsense or not at all.
import { strict as assert } from 'node:assert';
import { Duplex } from 'node:stream';
import { encodeMessage } from './encoder.ts';
import { FrameType } from './frames.ts';
import { releaseGuest } from './setup.ts';

describe('what a machine is asked by its owner', () => {
  const saying = (...bytes: readonly Buffer[]) => {
    const said = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    for (const each of bytes) said.push(each);
    return async () => said;
  };
  const reply = (answer: unknown) => encodeMessage(FrameType.reply, answer);

  it('is answered with who is busy', async () => {
    const busy = [{ pid: 7, command: 'vim' }];
    assert.deepEqual(await releaseGuest(saying(reply({ ok: true, busy }))), busy);
    assert.deepEqual(await releaseGuest(saying(reply({ ok: true }))), []);
  });

  it('is not waited for without end', async () => {
    await assert.rejects(releaseGuest(saying(), 20), { code: 'timeout', message: /release/ });
  });

  it('is refused where the answer is nonsense', async () => {
    const table: readonly (readonly [Buffer, string])[] = [
      [reply({ ok: true, busy: 'all' }), 'internal'],
      [reply({ ok: false, error: { code: 'no-such-code', message: 'x' } }), 'internal'],
      [encodeMessage(FrameType.exit, { kind: 'exited', code: 0 }), 'internal'],
    ];
    for (const [bytes, code] of table) await assert.rejects(releaseGuest(saying(bytes)), { code });
  });
});
