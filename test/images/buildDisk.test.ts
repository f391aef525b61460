// A root file system becomes a disk: everything that a file can be is read back from the disk itself.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDisk } from '../../server/images/build/ext4.ts';
import { type FolderNode, fileOf, metaOf, newRoot, put } from '../../server/images/build/rootTree.ts';
import { readTar } from '../../server/images/build/tarRead.ts';
import { writeTar } from '../../server/images/build/tarWrite.ts';
import { run } from '../../server/platform/run.ts';
import { has, newPlace, type Place } from './support.ts';

const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
const longName = `${'deep/'.repeat(30)}${'n'.repeat(120)}`;
const nobody = 65_534;

describe('the disk of an image', () => {
  let place: Place;

  before(function () {
    const missing = ['mke2fs', 'debugfs', 'e2fsck', 'qemu-img'].find(program => !has(program));
    if (missing === undefined) return;
    console.log(`not run: ${missing} is not installed`);
    this.skip();
  });

  beforeEach(() => {
    place = newPlace();
  });

  afterEach(() => place.dispose());

  for (const [who, uid] of [
    ['root', 0],
    ['a user without privileges', nobody],
  ] as const) {
    it(`keeps owners, modes, links, times, attributes and devices when ${who} makes it`, async function () {
      if (process.getuid?.() !== 0) {
        console.log('not run: only root can be both users');
        this.skip();
      }
      const tar = join(place.folder, 'root.tar');
      await writeTar(everything(), tar);
      const raw = makeAs(place, tar, uid);
      assert.deepEqual(readBack(raw), expected);
      assert.equal(contentOf(raw, '/usr/bin/tool'), 'tool\n');
      assert.equal(contentOf(raw, `/${longName}`), 'far\n');
      assert.equal(hex(contentOf(raw, '/etc/binary', 'latin1')), 'ff00fe0a');
      assert.match(debugfs(raw, 'ea_list /usr/bin/ping'), /security\.capability \(20\)/);
      assert.match(debugfs(raw, 'ea_get -x /usr/bin/ping security.capability'), /01 00 00 02 00 04 00 00/);
      assert.match(debugfs(raw, 'ea_get /etc/note user.note'), /"a \\?"?.*b/);
      execFileSync('e2fsck', ['-fn', raw], { stdio: 'pipe' });
    });
  }

  it('is given its size, and refuses one that is too small', async () => {
    const root = newRoot();
    put(root, 'large', fileOf(Buffer.alloc(40 * 1024 * 1024, 'x')));
    const make = (sizeMb: number): Promise<void> => {
      const scratch = join(place.folder, `s${sizeMb}`);
      mkdirSync(scratch);
      const target = join(place.folder, `d${sizeMb}.qcow2`);
      const digest = `sha256:${'12'.repeat(32)}`;
      return makeDisk({ run, signal: place.call.signal }, { root, target, scratch, digest, sizeMb });
    };
    await make(512);
    const info = execFileSync('qemu-img', ['info', '--output=json', join(place.folder, 'd512.qcow2')], {
      encoding: 'utf8',
    });
    assert.equal((JSON.parse(info) as { 'virtual-size': number })['virtual-size'], 512 * 1024 * 1024);
    await assert.rejects(make(50), /at least \d+ MB/);
  });

  it('can be given up in the middle', async () => {
    const root = newRoot();
    for (let index = 0; index < 3_000; index += 1) put(root, `f${index}`, fileOf('x'));
    const scratch = join(place.folder, 's');
    mkdirSync(scratch);
    const stop = new AbortController();
    const target = join(place.folder, 'd.qcow2');
    const made = makeDisk(
      { run, signal: stop.signal },
      { root, target, scratch, digest: `sha256:${'12'.repeat(32)}`, sizeMb: 'auto' },
    );
    setImmediate(() => stop.abort());
    await assert.rejects(made);
  });

  it('is made of an archive that GNU tar wrote with everything in it', async function () {
    if (process.getuid?.() !== 0) {
      console.log('not run: only root can make devices and owners');
      this.skip();
    }
    const folder = join(place.folder, 'root');
    mkdirSync(join(folder, 'usr/bin'), { recursive: true });
    writeFileSync(join(folder, 'usr/bin/a'), 'a');
    chownSync(join(folder, 'usr/bin/a'), 1234, 70_000);
    chmodSync(join(folder, 'usr/bin/a'), 0o4750);
    execFileSync('ln', [join(folder, 'usr/bin/a'), join(folder, 'usr/bin/b')]);
    execFileSync('mknod', [join(folder, 'null'), 'c', '1', '3']);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const formats = ['gnu', 'posix', 'ustar'];
    const digests = await Promise.all(
      formats.map(async format => {
        const tar = join(place.folder, `${format}.tar`);
        execFileSync('tar', [
          '-c',
          `--format=${format}`,
          '--numeric-owner',
          '--mtime=@1000',
          '-f',
          tar,
          '-C',
          folder,
          '.',
        ]);
        return (await writeTar(readTar(tar), join(place.folder, `${format}.canonical`))).digest;
      }),
    );
    assert.equal(new Set(digests).size, 1);
    const listed = execFileSync('tar', ['-tvf', join(place.folder, 'gnu.canonical'), '--numeric-owner'], {
      encoding: 'utf8',
    });
    assert.match(listed, /^crw.* 1,3 .*null$/m);
    assert.match(listed, /^prw.*pipe$/m);
    assert.match(listed, /^-rwsr-x--- 1234\/70000 .*usr\/bin\/a$/m);
    assert.match(listed, /^hrwsr-x--- 1234\/70000 .*usr\/bin\/b link to/m);
  });
});

function everything(): FolderNode {
  const root = newRoot();
  const own = (mode: number, uid: number, gid: number, xattrs = new Map<string, Buffer>()) => ({
    mode,
    uid,
    gid,
    mtime: 1_000_000_000,
    xattrs,
  });
  const bytes = (text: string | Buffer) => ({ kind: 'bytes', bytes: Buffer.from(text) }) as const;
  const tool = { kind: 'file', meta: own(0o4755, 0, 0), content: bytes('tool\n') } as const;
  put(root, 'usr/bin', { kind: 'folder', meta: own(0o755, 0, 0), children: new Map() });
  put(root, 'usr/bin/tool', tool);
  put(root, 'usr/bin/same', tool);
  const capable = own(0o755, 0, 0, new Map([['security.capability', capability]]));
  put(root, 'usr/bin/ping', { kind: 'file', meta: capable, content: bytes('p') });
  put(root, 'etc/secret', { kind: 'file', meta: own(0o000, 7, 42), content: bytes('s') });
  put(root, 'etc/large-owner', { kind: 'file', meta: own(0o640, 100_000, 200_000), content: bytes('o') });
  put(root, 'etc/note', {
    kind: 'file',
    meta: own(0o644, 0, 0, new Map([['user.note', Buffer.from('a " b')]])),
    content: bytes(''),
  });
  put(root, 'etc/binary', {
    kind: 'file',
    meta: own(0o644, 0, 0),
    content: bytes(Buffer.from('ff00fe0a', 'hex')),
  });
  put(root, 'bin', { kind: 'symlink', meta: own(0o777, 0, 0), target: 'usr/bin' });
  put(root, 'etc/away', { kind: 'symlink', meta: own(0o777, 3, 4), target: '/nowhere/at all' });
  put(root, 'locked', { kind: 'folder', meta: own(0o500, 9, 9), children: new Map() });
  put(root, 'locked/in side "q"', { kind: 'file', meta: own(0o600, 9, 9), content: bytes('q') });
  put(root, 'tmp', { kind: 'folder', meta: own(0o1777, 0, 0), children: new Map() });
  put(root, 'dev/null', { kind: 'char', meta: own(0o666, 0, 0), major: 1, minor: 3 });
  put(root, 'dev/disk', { kind: 'block', meta: own(0o660, 0, 6), major: 8, minor: 17 });
  put(root, 'dev/pipe', { kind: 'fifo', meta: own(0o620, 5, 5) });
  put(root, longName, {
    kind: 'file',
    meta: { ...metaOf(0o644), mtime: 1_000_000_000 },
    content: bytes('far\n'),
  });
  return root;
}

/** Type and mode, owner, group, links and time of each, as debugfs shows them. */
const expected: Readonly<Record<string, string>> = {
  '/usr/bin/tool': 'regular 04755 0 0 2 3b9aca00',
  '/usr/bin/same': 'regular 04755 0 0 2 3b9aca00',
  '/usr/bin/ping': 'regular 0755 0 0 1 3b9aca00',
  '/etc/secret': 'regular 0000 7 42 1 3b9aca00',
  '/etc/large-owner': 'regular 0640 100000 200000 1 3b9aca00',
  '/bin': 'symlink 0777 0 0 1 3b9aca00',
  '/etc/away': 'symlink 0777 3 4 1 3b9aca00',
  '/locked': 'directory 0500 9 9 2 3b9aca00',
  '/locked/in side "q"': 'regular 0600 9 9 1 3b9aca00',
  '/tmp': 'directory 01777 0 0 2 3b9aca00',
  '/dev/null': 'character special 0666 0 0 1 3b9aca00',
  '/dev/disk': 'block special 0660 0 6 1 3b9aca00',
  '/dev/pipe': 'FIFO 0620 5 5 1 3b9aca00',
};

function readBack(raw: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const path of Object.keys(expected)) {
    const text = debugfs(raw, `stat "${path.replaceAll('"', '""')}"`);
    const says = (pattern: RegExp): string => pattern.exec(text)?.[1]?.trim() ?? `no ${pattern.source}`;
    found[path] = [
      says(/Type: (.*?)\s+Mode:/),
      says(/Mode:\s+(\d+)/),
      says(/User:\s+(\d+)/),
      says(/Group:\s+(\d+)/),
      says(/Links: (\d+)/),
      says(/mtime: 0x([0-9a-f]+)/),
    ].join(' ');
  }
  return found;
}

function debugfs(raw: string, command: string): string {
  return execFileSync('debugfs', ['-R', command, raw], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function contentOf(raw: string, path: string, encoding: BufferEncoding = 'utf8'): string {
  return execFileSync('debugfs', ['-R', `cat ${path}`, raw], { stdio: ['ignore', 'pipe', 'pipe'] }).toString(
    encoding,
  );
}

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

/** In a process of that user, with nothing of root's; the answer is the disk as plain bytes. */
function makeAs(place: Place, tar: string, uid: number): string {
  const area = join(place.folder, 'area');
  mkdirSync(area);
  chownSync(area, uid, uid);
  for (const path of [place.folder, tar]) chmodSync(path, 0o755);
  const maker = join(import.meta.dirname, 'fixtures', 'diskMaker.ts');
  const identity = [
    '--reuid',
    String(uid),
    '--regid',
    String(uid),
    '--clear-groups',
    '--bounding-set',
    '-all',
  ];
  execFileSync('setpriv', [...(uid === 0 ? [] : identity), process.execPath, maker, tar, area], {
    stdio: 'inherit',
  });
  const raw = join(area, 'disk.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', join(area, 'disk.qcow2'), raw]);
  rmSync(join(area, 'disk.qcow2'));
  return raw;
}
