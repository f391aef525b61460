// The client of files against servers that mean harm: a guest can answer whatever it likes.
import { strict as assert } from 'node:assert';
import { type Duplex, duplexPair } from 'node:stream';
import { openFiles } from './client.ts';
import { Packet, PacketReader, PacketWriter, Status } from './packet.ts';
import { readRange } from './readRange.ts';

type Reply = { readonly type: number; readonly body: Buffer };
/** Without an answer the client waits. */
type Answering = (type: number, id: number, server: Duplex) => Reply | undefined;

describe('files of a hostile guest', () => {
  it('that answers in single bytes is understood', async () => {
    const files = await openFiles(serve(attributes, 1));
    assert.equal((await files.stat('/file'))?.size, 7);
    files.close();
  });

  it('that sends a packet with nothing in it loses its connection, and nothing else happens', async () => {
    const files = await openFiles(
      serve((_, __, server) => {
        server.write(Buffer.from([0, 0, 0, 1, Packet.status]));
        return undefined;
      }),
    );
    await assert.rejects(files.stat('/file'), { code: 'owner-unreachable' });
    await assert.rejects(files.stat('/file'), { code: 'owner-unreachable' });
  });

  it('whose folder has no end is not listed for ever', async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `file-${index}`);
    const files = await openFiles(serve(folder(names)));
    await assert.rejects(files.list('/folder'), { code: 'guest-failed', message: /too many/ });
    files.close();
  });

  it('that goes on to tell of nothing is not asked for ever', async () => {
    const files = await openFiles(serve(folder([])));
    await assert.rejects(files.list('/folder'), { code: 'guest-failed' });
    files.close();
  });

  for (const name of ['', '../../etc/passwd', 'a/b', 'a\0b', 'x'.repeat(5000)]) {
    it(`that names a file ${JSON.stringify(name.slice(0, 20))} is not believed`, async () => {
      const files = await openFiles(serve(folder([name])));
      await assert.rejects(files.list('/folder'), { code: 'guest-failed' });
      files.close();
    });
  }

  for (const length of [0, 100_000]) {
    it(`that sends blocks of ${length} bytes is not read on`, async () => {
      const files = await openFiles(serve(content(length)));
      await assert.rejects(readRange(files, '/file', { offset: 0, bytes: 1_000_000 }), {
        code: 'guest-failed',
      });
      files.close();
    });
  }

  it('that sends a byte at a time is read no further than asked', async () => {
    const files = await openFiles(serve(content(1)));
    assert.equal((await readRange(files, '/file', { offset: 0, bytes: 100 })).toString(), 'x'.repeat(100));
    files.close();
  });

  it('that says of a file that it is larger than anything can be is counted with', async () => {
    const files = await openFiles(
      serve((_, id) => ({
        type: Packet.attrs,
        body: new PacketWriter().uint32(id).uint32(1).uint32(0xffffffff).uint32(0xffffffff).bytes(),
      })),
    );
    assert.equal((await files.stat('/file'))?.size, Number.MAX_SAFE_INTEGER);
    files.close();
  });

  it('that never answers is given up when the caller does, from the beginning on', async () => {
    for (const greets of [false, true]) {
      const [client, server] = duplexPair();
      server.resume();
      if (greets) server.write(framed(Packet.version, new PacketWriter().uint32(3).bytes()));
      const giveUp = new AbortController();
      const asked = openFiles(client, giveUp.signal).then(files => files.stat('/file'));
      setImmediate(() => giveUp.abort());
      await assert.rejects(asked, greets ? { code: 'owner-unreachable' } : { name: 'AbortError' });
      assert.ok(client.destroyed);
    }
  });

  it('whose connection is over already is not waited for', async () => {
    const [client] = duplexPair();
    client.destroy();
    await new Promise(resolve => client.once('close', resolve));
    await assert.rejects(openFiles(client), { code: 'owner-unreachable' });
  });
});

/** The client's end of a connection whose server greets as it should, and then answers as it is told. */
function serve(answer: Answering, piece = Number.POSITIVE_INFINITY): Duplex {
  const [client, server] = duplexPair();
  const send = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length; at += piece) server.write(bytes.subarray(at, at + piece));
  };
  let input: Buffer = Buffer.alloc(0);
  server.on('data', (chunk: Buffer) => {
    input = Buffer.concat([input, chunk]);
    while (input.length >= 4 && input.length >= 4 + input.readUInt32BE()) {
      const packet = input.subarray(4, 4 + input.readUInt32BE());
      input = input.subarray(4 + packet.length);
      const type = packet.readUInt8();
      if (type === Packet.init) send(framed(Packet.version, new PacketWriter().uint32(3).bytes()));
      else {
        const reply = answer(type, new PacketReader(packet.subarray(1)).uint32(), server);
        if (reply !== undefined) send(framed(reply.type, reply.body));
      }
    }
  });
  return client;
}

function framed(type: number, body: Buffer): Buffer {
  return Buffer.concat([new PacketWriter().uint32(body.length + 1).bytes(), Buffer.from([type]), body]);
}

const facts = { kind: 'file', size: 7, mode: 0o644, modifiedAt: new Date(0) } as const;

const attributes: Answering = (_, id) => ({
  type: Packet.attrs,
  body: new PacketWriter().uint32(id).attributes(facts).bytes(),
});

const open = (id: number): Reply => ({
  type: Packet.handle,
  body: new PacketWriter().uint32(id).string('1').bytes(),
});
const done = (id: number): Reply => ({
  type: Packet.status,
  body: new PacketWriter().uint32(id).uint32(Status.ok).string('').string('').bytes(),
});

/** The same names again and again. */
function folder(names: readonly string[]): Answering {
  const listed = new PacketWriter().uint32(names.length);
  for (const name of names) listed.string(name).string('').attributes(facts);
  const bytes = listed.bytes();
  return (type, id) => {
    if (type === Packet.opendir) return open(id);
    if (type !== Packet.readdir) return done(id);
    return { type: Packet.name, body: Buffer.concat([new PacketWriter().uint32(id).bytes(), bytes]) };
  };
}

/** A file without an end. */
function content(length: number): Answering {
  return (type, id) => {
    if (type === Packet.open) return open(id);
    if (type !== Packet.read) return done(id);
    return { type: Packet.data, body: new PacketWriter().uint32(id).string('x'.repeat(length)).bytes() };
  };
}
