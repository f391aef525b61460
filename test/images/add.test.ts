// Files of this machine as images: root file systems, disks and container images, and what is refused among them.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { addImage } from '../../server/images/add.ts';
import { blobPath, layoutOf } from '../../server/images/layout.ts';
import { listManifests } from '../../server/images/manifest.ts';
import type { ImageManifest } from '../../server/protocol/image.ts';
import { has, listing, makeRoot, newPlace, type Place, pack } from './support.ts';

describe('taking a file as an image', () => {
  let place: Place;

  beforeEach(() => {
    place = newPlace();
  });

  afterEach(() => {
    // Whatever happened, nothing half made stays.
    const { incoming } = layoutOf(place.deps.paths);
    assert.deepEqual(existsSync(incoming) ? readdirSync(incoming) : [], []);
    place.dispose();
  });

  const add = (path: string, name = 'base'): Promise<ImageManifest> =>
    addImage(place.deps, { path, name }, place.call);

  const rootfsOf = (image: ImageManifest): string =>
    blobPath(place.deps.paths, image.files.find(({ role }) => role === 'rootfs')?.digest ?? '');

  it('reads a root file system and what it is', async () => {
    const image = await add(pack(makeRoot(place), join(place.folder, 'root.tar')));
    assert.deepEqual(image.os, { id: 'teapot', version: '418', libc: 'none' });
    assert.deepEqual(image.runtimes, ['shell']);
    assert.equal(image.arch, process.arch);
    assert.equal(image.init, 'heyvm');
    const lines = listing(rootfsOf(image)).join('\n');
    assert.match(lines, /bin -> usr\/bin/);
    assert.match(lines, /^h.*usr\/bin\/(sh|dash) link to/m);
  });

  it('gives one digest to one content, however it was packed', async () => {
    const root = makeRoot(place);
    const plain = await add(pack(root, join(place.folder, 'a.tar')));
    const other = await add(
      pack(root, join(place.folder, 'b.tar'), '--format=posix', '--sort=name'),
      'other',
    );
    assert.equal(plain.files[0]?.digest, other.files[0]?.digest);
  });

  for (const [program, suffix] of [
    ['gzip', 'gz'],
    ['zstd', 'zst'],
    ['xz', 'xz'],
  ] as const) {
    it(`undoes ${program}, and says when its file was cut short`, async function () {
      if (!has(program)) {
        console.log(`not run: ${program} is not installed`);
        this.skip();
      }
      const tar = pack(makeRoot(place), join(place.folder, 'root.tar'));
      const expected = (await add(tar)).files[0]?.digest;
      execFileSync(program, ['-q', '-k', tar]);
      const packed = join(place.folder, 'named-like-nothing');
      renameSync(`${tar}.${suffix}`, packed);
      assert.equal((await add(packed, 'packed')).files[0]?.digest, expected);
      truncateSync(packed, 5000);
      await assert.rejects(add(packed, 'cut'), isError('image-broken'));
    });
  }

  it('refuses an archive that was cut off', async () => {
    const tar = pack(makeRoot(place), join(place.folder, 'root.tar'));
    for (const bytes of [3000, 10_240]) {
      truncateSync(tar, bytes);
      await assert.rejects(add(tar), isError('image-broken'));
    }
    assert.deepEqual((await listManifests(place.deps.paths)).images, []);
  });

  it('refuses what leads out of the root', async () => {
    const root = makeRoot(place);
    const up = join(place.folder, 'up.tar');
    execFileSync('tar', ['-P', '-cf', up, '-C', root, '--transform', 's,etc/os-release,../../outside,', '.']);
    await assert.rejects(add(up), isError('image-broken'));
    const link = join(place.folder, 'link.tar');
    const target = ['--transform', 's,dash,../../../etc/passwd,h'];
    execFileSync('tar', ['-P', '-cf', link, '-C', root, ...target, './usr/bin/dash', './usr/bin/sh']);
    await assert.rejects(add(link), isError('image-broken'));
  });

  it('lets a link lead nowhere but inside', async () => {
    const root = makeRoot(place);
    execFileSync('ln', ['-s', place.folder, join(root, 'way-out')]);
    const tar = pack(root, join(place.folder, 'root.tar'));
    mkdirSync(join(place.folder, 'more/way-out'), { recursive: true });
    writeFileSync(join(place.folder, 'more/way-out/planted'), 'x');
    execFileSync('tar', ['-rf', tar, '-C', join(place.folder, 'more'), './way-out/planted']);
    const image = await add(tar);
    assert.ok(!readdirSync(place.folder).includes('planted'));
    assert.match(listing(rootfsOf(image)).join('\n'), new RegExp(`${place.folder.slice(1)}/planted`));
  });

  it('refuses archives that hold no root file system', async () => {
    mkdirSync(join(place.folder, 'docs'));
    writeFileSync(join(place.folder, 'docs/readme'), 'x');
    await assert.rejects(
      add(pack(join(place.folder, 'docs'), join(place.folder, 'd.tar'))),
      isError('image-broken'),
    );
    await assert.rejects(add(place.file('text', 'hello')), isError('image-broken'));
    await assert.rejects(add(join(place.folder, 'none')), isError('path-not-found'));
  });

  describe('a disk', () => {
    const qemuImg = (context: Mocha.Context, ...args: string[]): void => {
      if (!has('qemu-img')) {
        console.log('not run: qemu-img is not installed');
        context.skip();
      }
      execFileSync('qemu-img', args);
    };

    it('boots as a machine by itself', async function () {
      const disk = join(place.folder, 'd.qcow2');
      qemuImg(this, 'create', '-q', '-f', 'qcow2', disk, '8M');
      const image = await add(disk, 'server:2');
      assert.equal(image.init, 'cloud-init');
      assert.deepEqual(
        image.files.map(({ role, format }) => [role, format]),
        [['disk', 'qcow2']],
      );
    });

    it('comes with a kernel and a ramdisk, or with neither', async function () {
      const disk = join(place.folder, 'd.qcow2');
      qemuImg(this, 'create', '-q', '-f', 'qcow2', disk, '8M');
      const kernel = place.file(
        'vmlinux',
        Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(1000)]),
      );
      const initrd = place.file('initrd', '070701');
      const image = await addImage(place.deps, { path: disk, name: 'own', kernel, initrd }, place.call);
      assert.equal(image.init, 'heyvm');
      assert.deepEqual(image.files.map(({ role }) => role).sort(), ['disk', 'initrd', 'kernel']);
      await assert.rejects(
        addImage(place.deps, { path: disk, name: 'x', kernel }, place.call),
        isError('usage'),
      );
    });

    it('is refused when it would make a machine read other files of this one', async function () {
      const secret = place.file('secret', Buffer.alloc(1024 * 1024, 's'));
      const disk = join(place.folder, 'evil.qcow2');
      qemuImg(this, 'create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'raw', disk);
      await assert.rejects(add(disk), isError('image-broken'));
      const split = join(place.folder, 'split.qcow2');
      qemuImg(this, 'create', '-q', '-f', 'qcow2', '-o', `data_file=${secret}.data`, split, '8M');
      await assert.rejects(add(split), isError('image-broken'));
    });
  });
});

function isError(code: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
