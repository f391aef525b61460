// Files of this machine as images: root file systems, disks and container images, and what is refused among them.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SandboxError } from '../../server/core/errors.ts';
import { addImage } from '../../server/images/add.ts';
import { blobPath, layoutOf } from '../../server/images/layout.ts';
import { listManifests } from '../../server/images/manifest.ts';
import { publishImage } from '../../server/images/publish.ts';
import type { ImageManifest } from '../../server/protocol/image.ts';
import { has, makeRoot, newPlace, type Place, pack } from './support.ts';

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

  /** Names, kinds, owners, links and times, as tar lists them. */
  const listing = (path: string): string[] =>
    execFileSync('tar', ['-tvf', path, '--numeric-owner'], { encoding: 'utf8' }).trim().split('\n');

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

  describe('a container image', () => {
    type Layer = {
      readonly files?: Readonly<Record<string, string>>;
      readonly base?: true;
      readonly only?: readonly string[];
    };

    /** An OCI archive of layers made with the tar of this machine; an upper one can name single files alone. */
    const archive = (layers: readonly Layer[], change: { digest?: string; arch?: string } = {}): string => {
      const folder = join(place.folder, 'oci');
      const blobs = join(folder, 'blobs/sha256');
      mkdirSync(blobs, { recursive: true });
      const blob = (bytes: Buffer): { digest: string; size: number } => {
        const hex = createHash('sha256').update(bytes).digest('hex');
        writeFileSync(join(blobs, hex), bytes);
        return { digest: `sha256:${hex}`, size: bytes.length };
      };
      const packed = layers.map(({ files = {}, base, only }, index) => {
        const tree = base === true ? makeRoot(place, `layer-${index}`) : join(place.folder, `layer-${index}`);
        mkdirSync(tree, { recursive: true });
        for (const [path, content] of Object.entries(files))
          place.file(join(`layer-${index}`, path), content);
        const tar = join(place.folder, `layer-${index}.tar`);
        execFileSync('tar', ['-cf', tar, '-C', tree, ...(only ?? ['.'])]);
        // One of each kind, as registries have them.
        return blob(index % 2 === 0 ? gzipSync(readFileSync(tar)) : readFileSync(tar));
      });
      const [first, ...rest] = packed;
      const architecture = change.arch ?? (process.arch === 'arm64' ? 'arm64' : 'amd64');
      const config = blob(
        Buffer.from(
          JSON.stringify({
            architecture,
            config: { Env: ['A=1', 'B=x=y'], User: 'tea', WorkingDir: '/srv', Entrypoint: null, Cmd: ['sh'] },
          }),
        ),
      );
      const told = change.digest === undefined ? first : { ...first, digest: change.digest };
      const manifest = blob(Buffer.from(JSON.stringify({ config, layers: [told, ...rest] })));
      const nested = blob(
        Buffer.from(
          JSON.stringify({
            manifests: [
              { ...config, platform: { architecture: 'riscv64', os: 'linux' } },
              { ...manifest, platform: { architecture, os: 'linux' } },
            ],
          }),
        ),
      );
      writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
      writeFileSync(join(folder, 'index.json'), JSON.stringify({ manifests: [nested] }));
      return pack(folder, join(place.folder, 'image.tar'));
    };

    it('is its layers over each other, without what was taken away', async () => {
      const image = await add(
        archive([
          {
            base: true,
            files: { 'etc/gone': 'x', 'etc/kept': 'old', 'var/cache/one': '1', 'opt/app/old': 'o' },
          },
          {
            files: {
              'etc/.wh.gone': '',
              'etc/kept': 'new',
              'var/cache/.wh..wh..opq': '',
              'var/cache/two': '2',
            },
          },
          { files: { '.wh.opt': '', 'bin/tool': '#!/bin/sh' }, only: ['./.wh.opt', './bin/tool'] },
        ]),
      );
      const names = listing(rootfsOf(image)).map(line => line.replace(/^.* \.\//, ''));
      assert.deepEqual(
        names.filter(name => /^(etc|var\/cache|opt|bin|usr\/bin\/tool)/.test(name)),
        [
          'bin -> usr/bin',
          'etc/',
          'etc/kept',
          'etc/os-release',
          'usr/bin/tool',
          'var/cache/',
          'var/cache/two',
        ].sort(),
      );
      assert.equal(execFileSync('tar', ['-xOf', rootfsOf(image), './etc/kept'], { encoding: 'utf8' }), 'new');
      assert.ok(!names.some(name => name.includes('.wh.')));
    });

    it('keeps how programs are started in it', async () => {
      const { config } = await add(archive([{ base: true }]));
      assert.deepEqual(config, {
        env: { A: '1', B: 'x=y' },
        user: 'tea',
        workdir: '/srv',
        entrypoint: [],
        cmd: ['sh'],
      });
    });

    it('is refused when a layer is not what its digest says, is missing, or is for a strange processor', async () => {
      await assert.rejects(add(archive([{ base: true }], { arch: 's390x' })), isError('image-broken'));
      const other = `sha256:${'0'.repeat(64)}`;
      await assert.rejects(add(archive([{ base: true }], { digest: other })), isError('image-broken'));
      writeFileSync(join(place.folder, 'oci/blobs/sha256', '0'.repeat(64)), 'lie');
      const lie = pack(join(place.folder, 'oci'), join(place.folder, 'lie.tar'));
      await assert.rejects(add(lie), isError('image-broken'));
    });

    it('can be published and taken again as the same', async () => {
      const image = await add(archive([{ base: true }]));
      const to = join(place.folder, 'published.tar');
      const { digest } = await publishImage(
        place.deps,
        { name: 'base', to: `oci-archive:${to}` },
        place.call,
      );
      const again = await publishImage(place.deps, { name: 'base', to: `${to}.2` }, place.call);
      assert.equal(again.digest, digest);
      assert.ok(readFileSync(to).equals(readFileSync(`${to}.2`)));
      const back = await add(to, 'back');
      assert.equal(back.files[0]?.digest, image.files[0]?.digest);
      assert.deepEqual(back.config, image.config);
    });

    it('that was published is an image to others too', async function () {
      if (!has('buildah')) {
        console.log('not run: buildah is not installed');
        this.skip();
      }
      await add(archive([{ base: true }]));
      const to = join(place.folder, 'published.tar');
      await publishImage(place.deps, { name: 'base', to }, place.call);
      const storage = [
        '--root',
        join(place.folder, 'c/root'),
        '--runroot',
        join(place.folder, 'c/run'),
        '--storage-driver',
        'vfs',
      ];
      const policy = place.file('policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}');
      const buildah = (...args: string[]): string =>
        execFileSync('buildah', [...storage, ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      const id = buildah('pull', '-q', '--signature-policy', policy, `oci-archive:${to}`).trim();
      const told = JSON.parse(buildah('inspect', '--type', 'image', id)) as {
        OCIv1: { config: { Env: string[]; User: string } };
      };
      assert.deepEqual(told.OCIv1.config.Env, ['A=1', 'B=x=y']);
      assert.equal(told.OCIv1.config.User, 'tea');
    });
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
