import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect } from '../../server/platform/sockets.ts';
import type { ChannelHeader } from '../../server/protocol/owner.ts';
import { openChannel } from '../../server/wire/client.ts';
import { readFrame } from '../../server/wire/decoder.ts';
import { encodeMessage } from '../../server/wire/encoder.ts';
import { FrameType } from '../../server/wire/frames.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, everything, run, skipWithoutProgram, startBench } from './guestProgram.ts';

/** Answers what it got in capitals, but only after the other side has said all. */
async function startShouter(at: string | number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, async socket => {
    const text = await everything(socket);
    socket.end(String(text).toUpperCase());
  });
  if (typeof at === 'string') server.listen(at);
  else server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

for (const way of ['direct', 'chained'] as const) {
  describe(`connections, ${way === 'direct' ? 'straight to the guest program' : 'through a server in between'}`, () => {
    let bench: Bench;
    let tcp: Server;
    let unix: Server;
    before(async function () {
      skipWithoutProgram(this);
      bench = await startBench();
      tcp = await startShouter(0);
      unix = await startShouter(join(bench.home, 'shouter'));
    });
    after(async () => {
      tcp?.close();
      unix?.close();
      await bench?.close();
    });

    it('to ports and sockets pass half-close on', async () => {
      const targets = [
        { kind: 'tcp', host: '127.0.0.1', port: portOf(tcp) },
        { kind: 'tcp', host: 'localhost', port: portOf(tcp) },
        { kind: 'unix', path: join(bench.home, 'shouter') },
      ] as const;
      for (const target of targets) {
        const stream = await bench[way].dial(target);
        stream.end('hello from outside');
        assert.equal(String(await everything(stream)), 'HELLO FROM OUTSIDE');
      }
    });

    it('carry much data whole', async () => {
      const stream = await bench[way].dial({ kind: 'tcp', host: '127.0.0.1', port: portOf(tcp) });
      stream.end('abcdefgh'.repeat(500_000));
      assert.equal((await everything(stream)).length, 4_000_000);
    });

    const refused = [
      { title: 'a port where nobody listens', target: { kind: 'tcp', host: '127.0.0.1', port: 1 } },
      { title: 'a socket that does not exist', target: { kind: 'unix', path: '/no/such/socket' } },
      { title: 'a host without an address', target: { kind: 'tcp', host: 'no-such-host.invalid', port: 80 } },
    ] as const;
    for (const { title, target } of refused) {
      it(`to ${title} are refused`, async () => {
        await assert.rejects(bench[way].dial(target), { code: 'path-not-found' });
      });
    }

    it('are closed inside when the client vanishes, and outside when the server does', async () => {
      const accepted: Socket[] = [];
      const server = createServer(socket => accepted.push(socket.on('error', () => {}))).listen(
        0,
        '127.0.0.1',
      );
      await once(server, 'listening');
      const target = { kind: 'tcp', host: '127.0.0.1', port: portOf(server) } as const;
      const first = await bench[way].dial(target);
      const inside = await eventually(() => accepted[0]);
      first.destroy();
      inside.resume();
      await once(inside, 'close');
      const second = await bench[way].dial(target);
      (await eventually(() => accepted[1])).destroy();
      second.resume();
      await once(second, 'end');
      second.destroy();
      server.close();
    });

    it('tell which ports are listened on', async () => {
      const ports = await bench[way].listeningPorts();
      assert.ok(ports.some(({ port, address }) => port === portOf(tcp) && address === '127.0.0.1'));
    });

    it('are served many at a time', async () => {
      const target = { kind: 'tcp', host: '127.0.0.1', port: portOf(tcp) } as const;
      const texts = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const stream = await bench[way].dial(target);
          stream.end(`number ${index}`);
          return String(await everything(stream));
        }),
      );
      assert.deepEqual(
        texts,
        Array.from({ length: 50 }, (_, index) => `NUMBER ${index}`),
      );
    });

    const wrong = [
      { title: 'an unknown operation', header: '{"op":"fly"}' },
      { title: 'an unknown member', header: '{"op":"ping","fast":true}' },
      { title: 'no JSON', header: 'op=ping' },
      { title: 'an empty argv', header: '{"op":"exec","key":"k","request":{"argv":[]}}' },
      { title: 'a key with other signs', header: '{"op":"signal","key":"../k","signal":"TERM"}' },
    ];
    for (const { title, header } of wrong) {
      it(`that open with ${title} are refused as wrong usage`, async () => {
        const socket = await connect(way === 'direct' ? bench.socket : bench.serverSocket);
        const payload = Buffer.from(header);
        const head = Buffer.from([FrameType.header, 0, 0, 0, payload.length]);
        socket.write(Buffer.concat([head, payload]));
        const reply = await readFrame(socket);
        const { ok, error } = JSON.parse(String(reply?.payload));
        assert.deepEqual({ ok, code: error.code }, { ok: false, code: 'usage' });
        socket.destroy();
      });
    }

    it('that open with another frame are refused, and the next one works', async () => {
      const socket = await connect(way === 'direct' ? bench.socket : bench.serverSocket);
      socket.write('GET / HTTP/1.1\r\n\r\n');
      await everything(socket).catch(() => {});
      socket.destroy();
      await bench[way].ping();
    });

    it('about a program that is not running are refused', async () => {
      const path = way === 'direct' ? bench.socket : bench.serverSocket;
      const header: ChannelHeader = { op: 'signal', key: 'nobody', signal: 'TERM' };
      await assert.rejects(openChannel(await connect(path), header), { code: 'not-running' });
    });

    it('cannot start two programs under one key', async () => {
      const path = way === 'direct' ? bench.socket : bench.serverSocket;
      const header: ChannelHeader = {
        op: 'exec',
        key: 'twice',
        request: { argv: ['sleep', '1000'], cwd: '/tmp' },
      };
      const first = await openChannel(await connect(path), header);
      await assert.rejects(openChannel(await connect(path), header), { code: 'busy' });
      first.socket.destroy();
      await eventually(async () => {
        const again = await openChannel(await connect(path), header);
        again.socket.destroy();
        return true;
      });
    });

    it('refuse arguments that are too long and still work', async () => {
      const argv = ['true', 'x'.repeat(300_000)];
      await assert.rejects(bench[way].exec({ argv, cwd: '/tmp' }), { code: 'usage' });
      const { status } = await run(bench[way], { argv: ['true', 'x'.repeat(100_000)] });
      assert.deepEqual(status, { kind: 'exited', code: 0 });
    });
  });
}

describe('a server in between', () => {
  let bench: Bench;
  before(async function () {
    skipWithoutProgram(this);
    bench = await startBench();
  });
  after(() => bench?.close());

  it('hands an rpc connection over with everything that was sent early', async () => {
    const socket = await connect(bench.serverSocket);
    socket.write(Buffer.concat([encodeMessage(FrameType.header, { op: 'rpc' }), Buffer.from('early')]));
    assert.equal((await readFrame(socket))?.type, FrameType.reply);
    socket.write(' and late');
    let text = '';
    socket.on('data', chunk => {
      text += String(chunk);
    });
    await eventually(() => text === 'early and late');
    socket.destroy();
  });

  it('refuses what it does not serve', async () => {
    await assert.rejects(openChannel(await connect(bench.serverSocket), { op: 'hold' }), { code: 'usage' });
  });

  it('has nothing to complain about afterwards', () => {
    assert.deepEqual(bench.logged, []);
  });

  it('speaks to a socket of the guest program that only its owner may use', async () => {
    const { mode } = await stat(bench.socket);
    assert.equal(mode & 0o777, 0o600);
  });
});
