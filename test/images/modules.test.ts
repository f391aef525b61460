// Programs of WebAssembly as images: told apart by their first bytes, in the store or straight from a file.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { addImage } from '../../server/images/add.ts';
import { listManifests, readByDigest } from '../../server/images/manifest.ts';
import { pruneImages } from '../../server/images/prune.ts';
import { resolveImage } from '../../server/images/resolve.ts';
import type { ImageKind } from '../../server/protocol/backend.ts';
import { newPlace, type Place, storeImage } from './support.ts';

const heads: readonly [kind: ImageKind, name: string, bytes: string][] = [
  ['wasm-core', 'tool.wasm', '\0asm\x01\0\0\0 and the rest'],
  ['wasm-component', 'service.wasm', '\0asm\x0d\0\x01\0 and the rest'],
  ['wasm-package', 'package.webc', '\0webc003 and the rest'],
];

const everything: readonly ImageKind[] = ['wasm-core', 'wasm-component', 'wasm-package'];

describe('programs of WebAssembly as images', () => {
  let place: Place;

  beforeEach(() => {
    place = newPlace();
  });

  afterEach(() => place.dispose());

  for (const [kind, name, bytes] of heads) {
    it(`are taken as ${kind} by what ${name} begins with`, async () => {
      const path = place.file(name, bytes);
      const image = await addImage(place.deps, { path, name: 'my-tool' }, place.call);
      assert.deepEqual([image.files[0]?.role, image.files[0]?.format], ['program', kind]);
      assert.deepEqual([image.arch, image.init, image.runtimes], ['any', 'none', ['wasm']]);
      const wish = { name: 'my-tool', kinds: [kind], agent: '' };
      const found = await resolveImage(place.deps, wish, place.call);
      assert.ok(found.kind === 'stored');
      assert.equal(readFileSync(found.file('program') ?? '', 'latin1'), bytes);
    });

    it(`run from ${name} itself, by its digest and without a name in the list`, async () => {
      const path = place.file(name, bytes);
      const wish = { name: path, kinds: everything, agent: '' };
      const found = await resolveImage(place.deps, wish, place.call);
      assert.ok(found.kind === 'stored');
      assert.equal(found.name, name.split('.')[0]);
      assert.deepEqual((await listManifests(place.deps.paths)).images, []);
      const { digest } = found.manifest;
      place.file(name, `${bytes} and changed`);
      const again = await resolveImage(place.deps, { ...wish, digest }, place.call);
      assert.ok(again.kind === 'stored');
      assert.equal(readFileSync(again.file('program') ?? '', 'latin1'), bytes);
      const asked = { effect: 'remove', images: 'keep', leftovers: 'remove' } as const;
      await pruneImages(place.deps.paths, asked);
      assert.equal(await readByDigest(place.deps.paths, digest), undefined);
    });
  }

  it('are refused by backends that run something else, with what mends it', async () => {
    const path = place.file('service.wasm', heads[1]?.[2] ?? '');
    await addImage(place.deps, { path, name: 'service' }, place.call);
    await storeImage(place, { name: 'base', content: 'root' });
    const refusals: readonly [name: string, kinds: readonly ImageKind[], code: string, message: RegExp][] = [
      ['service', ['wasm-core'], 'unsupported', /is a component of WebAssembly/],
      ['base', ['wasm-core', 'wasm-component'], 'unsupported', /is a root file system/],
      ['service', ['disk'], 'unsupported', /is a component of WebAssembly/],
      [path, ['folder'], 'unsupported', /is a file, and this backend runs images by their names/],
      [place.file('text.wasm', 'no module'), everything, 'image-broken', /is no WebAssembly/],
      [`${path}-gone`, everything, 'path-not-found', /there is no file/],
    ];
    for (const [name, kinds, code, message] of refusals) {
      await assert.rejects(resolveImage(place.deps, { name, kinds, agent: '' }, place.call), {
        code,
        message,
      });
    }
  });

  it('leave names that are not here to backends that know a registry, and refuse them elsewhere', async () => {
    const wish = { name: 'python/python@3.12', agent: '' };
    assert.deepEqual(await resolveImage(place.deps, { ...wish, kinds: everything }, place.call), {
      kind: 'reference',
      name: wish.name,
    });
    const alone = { ...wish, kinds: ['wasm-component'] as const };
    await assert.rejects(resolveImage(place.deps, alone, place.call), { code: 'image-not-found' });
  });
});
