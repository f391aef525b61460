// The server of files without a program inside, asked by the client of heyvm itself and by clients that mean harm.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type GuestFiles, openFiles } from '../../sftp/client.ts';
import { Packet, type PacketWriter, Status } from '../../sftp/packet.ts';
import { SftpTransport } from '../../sftp/transport.ts';
import { GuestTree } from './guestTree.ts';
import { serveSftp } from './sftpServer.ts';

describe('files over sftp without a program inside', () => {
  let base: string;
  let files: GuestFiles;
  const at = (...parts: string[]): string => join(base, ...parts);
  const serve = () => {
    const mounts = [
      { source: at('work'), target: '/workspace', mode: 'rw' as const },
      { source: at('readonly'), target: '/workspace/.git', mode: 'ro' as const },
    ];
    return serveSftp({ tree: new GuestTree(mounts), start: '/workspace', home: '/home/dev' });
  };

  beforeEach(async () => {
    base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'hvs-')));
    for (const folder of ['work', 'readonly', 'outside']) fs.mkdirSync(at(folder));
    fs.writeFileSync(at('readonly/config'), 'config');
    fs.writeFileSync(at('outside/secret'), 'secret');
    files = await openFiles(serve());
  });

  afterEach(() => {
    files.close();
    fs.rmSync(base, { recursive: true, force: true });
  });

  const content = async (path: string): Promise<Buffer> => buffer(files.read(path));
  async function* only(bytes: Buffer) {
    yield bytes;
  }

  it('go in and out unchanged, of any size', async () => {
    for (const size of [0, 1, 32_768, 300_001, 5_000_003]) {
      const bytes = randomBytes(size);
      assert.equal(await files.write('/workspace/file', only(bytes), 0o640), size);
      assert.ok(bytes.equals(fs.readFileSync(at('work/file'))));
      assert.ok(bytes.equals(await content('/workspace/file')));
      assert.equal((await files.stat('/workspace/file'))?.size, size);
    }
    await files.setMode('/workspace/file', 0o4751);
    assert.equal(fs.statSync(at('work/file')).mode & 0o7777, 0o751);
  });

  it('are listed, made, moved and removed', async () => {
    await files.makeFolder('/workspace/folder', 0o750);
    for (let index = 0; index < 250; index += 1) fs.writeFileSync(at(`work/folder/${index}`), '');
    await files.makeLink('/workspace/link', 'folder/7');
    const listed = await files.list('/workspace/folder');
    assert.equal(listed.length, 250);
    assert.deepEqual(
      (await files.list('/workspace')).map(({ name, attributes }) => `${name} ${attributes.kind}`),
      ['.git folder', 'folder folder', 'link link'],
    );
    assert.equal(await files.readLink('/workspace/link'), 'folder/7');
    await files.rename('/workspace/folder/1', '/workspace/folder/2');
    await files.remove('/workspace/folder/2');
    assert.equal(await files.stat('/workspace/folder/2'), undefined);
    await assert.rejects(files.removeFolder('/workspace/folder'));
    await files.setMode('/workspace/folder', 0o700);
    assert.equal(fs.statSync(at('work/folder')).mode & 0o777, 0o700);
  });

  it('are refused outside of what the guest sees, and where it may not write', async () => {
    fs.symlinkSync(at('outside'), at('work/door'));
    assert.equal(await files.stat('/etc/passwd'), undefined);
    assert.equal(await files.stat('/workspace/../../etc/passwd'), undefined);
    await assert.rejects(content('/workspace/door/secret'), { code: 'path-not-found' });
    await assert.rejects(files.write('/workspace/door/secret', only(Buffer.from('x')), 0o644));
    await assert.rejects(files.write('/workspace/.git/config', only(Buffer.from('x')), 0o644), /permit/);
    await assert.rejects(files.setMode('/workspace/.git/config', 0o777), /permit/);
    await assert.rejects(files.rename('/workspace/.git/config', '/workspace/config'), /permit/);
    assert.equal(fs.readFileSync(at('outside/secret'), 'utf8'), 'secret');
    assert.equal(fs.readFileSync(at('readonly/config'), 'utf8'), 'config');
  });

  it('end a session that speaks nonsense, and close what it had open', async function () {
    const nonsense = serve();
    nonsense.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1]));
    nonsense.resume();
    await new Promise(resolve => nonsense.once('close', resolve));
    if (process.platform !== 'linux') return this.skip();
    fs.writeFileSync(at('work/kept-open'), 'x');
    const transport = await SftpTransport.open(serve());
    const opened = await transport.request(Packet.open, body => body.string('kept-open').uint32(1).uint32(0));
    assert.equal(opened.type, Packet.handle);
    const held = () =>
      fs.readdirSync('/proc/self/fd').some(fd => {
        try {
          return fs.readlinkSync(`/proc/self/fd/${fd}`) === at('work/kept-open');
        } catch {
          return false;
        }
      });
    assert.ok(held());
    transport.close();
    while (held()) await new Promise(resolve => setImmediate(resolve));
  });

  it('answer every bad packet with a refusal and go on', async () => {
    const transport = await SftpTransport.open(serve());
    const code = async (type: number, fill: (body: PacketWriter) => void): Promise<number> => {
      const { type: kind, body } = await transport.request(type, fill);
      assert.equal(kind, Packet.status);
      return body.uint32();
    };
    assert.equal(await code(99, () => {}), Status.unsupported);
    assert.equal(await code(Packet.open, body => body.uint32(1000)), Status.badMessage);
    assert.equal(await code(Packet.read, body => body.string('7').uint64(0).uint32(10)), Status.failure);
    assert.equal(await code(Packet.extended, body => body.string('nothing@example.com')), Status.unsupported);
    for (let index = 0; index < 200; index += 1)
      await transport.request(Packet.opendir, body => body.string('/'));
    assert.equal(await code(Packet.opendir, body => body.string('/')), Status.failure);
    transport.close();
  });
});
