// Container images in archives as images: their layers over each other, how they start, and giving them on.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SandboxError } from '../../server/core/errors.ts';
import { addImage } from '../../server/images/add.ts';
import { blobPath, layoutOf } from '../../server/images/layout.ts';
import { publishImage } from '../../server/images/publish.ts';
import type { ImageManifest } from '../../server/protocol/image.ts';
import { has, listing, makeRoot, newPlace, type Place, pack } from './support.ts';

describe('taking a container image', () => {
  let place: Place;

  beforeEach(() => {
    place = newPlace();
  });

  afterEach(() => {
    assert.deepEqual(readdirSync(layoutOf(place.deps.paths).incoming), []);
    place.dispose();
  });

  const add = (path: string, name = 'base'): Promise<ImageManifest> =>
    addImage(place.deps, { path, name }, place.call);

  const rootfsOf = (image: ImageManifest): string =>
    blobPath(place.deps.paths, image.files.find(({ role }) => role === 'rootfs')?.digest ?? '');

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
      for (const [path, content] of Object.entries(files)) place.file(join(`layer-${index}`, path), content);
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
    const { digest } = await publishImage(place.deps, { name: 'base', to: `oci-archive:${to}` }, place.call);
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

function isError(code: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
