// Peers that do not keep to the protocol: they harm their own connection and nobody else's.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { connect, listen } from '../../server/platform/sockets.ts';
import { guestOver } from '../../server/wire/client.ts';
import { readFrame } from '../../server/wire/decoder.ts';
import { encodeMessage } from '../../server/wire/encoder.ts';
import { FrameType } from '../../server/wire/frames.ts';
import { serveChannel } from '../../server/wire/serve.ts';
import { everything } from './guestProgram.ts';

const accepted = encodeMessage(FrameType.reply, { ok: true });
const exited = encodeMessage(FrameType.exit, { kind: 'exited', code: 0 });
const output = (type: FrameType, text: string) => {
  const frame = Buffer.alloc(5 + text.length);
  frame[0] = type;
  frame.writeUInt32BE(text.length, 1);
  frame.write(text, 5);
  return frame;
};

describe('a peer that breaks the protocol', () => {
  let folder: string;
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  beforeEach(async () => {
    folder = await mkdtemp('/tmp/heyvm-wire-');
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const serve = async (
    name: string,
    onConnection: (socket: Socket) => void | Promise<void>,
  ): Promise<() => Promise<Socket>> => {
    const path = join(folder, name);
    servers.push(
      await listen(path, socket => {
        sockets.push(socket);
        socket.on('error', () => {});
        void onConnection(socket);
      }),
    );
    return () => connect(path);
  };

  /** A guest that answers every header with these bytes. */
  const guestSaying = async (bytes: Buffer) =>
    guestOver(
      await serve('guest', async socket => {
        await readFrame(socket);
        socket.end(bytes);
      }),
    );

  it('as a guest that goes on after the exit ends its program and nothing else', async () => {
    const late = [output(FrameType.stdout, 'late'), output(FrameType.stderr, 'late'), exited];
    const guest = await guestSaying(
      Buffer.concat([accepted, output(FrameType.stdout, 'in time'), exited, ...late]),
    );
    const program = await guest.exec({ argv: ['x'] });
    // Nobody listens to errors of this one, as with the empty error output of a terminal.
    program.stderr.resume();
    assert.equal(String(await everything(program.stdout)), 'in time');
    assert.deepEqual(await program.exited, { kind: 'exited', code: 0 });
  });

  it('as a guest that sends no frames loses the connection', async () => {
    const guest = await guestSaying(
      Buffer.concat([accepted, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]),
    );
    const program = await guest.exec({ argv: ['x'] });
    assert.equal(String(await everything(program.stdout)), '');
    assert.deepEqual(await program.exited, { kind: 'signalled', signal: 'HUP' });
  });

  it('as a guest that announces more than a frame can hold is not waited for', async () => {
    const endless = Buffer.from([FrameType.reply, 0x7f, 0xff, 0xff, 0xff, 0x7b]);
    await assert.rejects((await guestSaying(endless)).ping(), { code: 'not-running' });
  });

  it('as a client gets a short answer to a header with a hundred thousand mistakes', async () => {
    const guest = await guestSaying(accepted);
    const logged: string[] = [];
    const reach = await serve('control', socket => {
      void serveChannel(socket, { guest, log: line => logged.push(line) });
    });
    const argv = new Array(100_000).fill(1);
    const socket = await reach();
    sockets.push(socket);
    socket.write(encodeMessage(FrameType.header, { op: 'exec', key: 'k', request: { argv } }));
    const reply = await readFrame(socket);
    assert.equal(reply?.type, FrameType.reply);
    const said = JSON.parse(String(reply?.payload));
    assert.equal(said.error.code, 'usage');
    assert.ok(said.error.message.length < 20_000);
    socket.resume();
    await once(socket, 'end');
    await guestOver(reach).ping();
  });
});
