// What a name of an image means: a stored one that is whole, a reference, or an error that says what mends it.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { blobPath } from '../../server/images/layout.ts';
import { readDerived, writeDerived } from '../../server/images/manifest.ts';
import { pruneImages } from '../../server/images/prune.ts';
import { type ImageWish, resolveImage } from '../../server/images/resolve.ts';
import { addRecord, removeFolder } from '../../server/store/sandboxes.ts';
import { recordOf } from '../store/support.ts';
import { blobsOf, newPlace, type Place, storeImage } from './support.ts';
import { hexOf, startVendor } from './vendor.ts';

const agent = join(import.meta.dirname, 'support.ts');
const everything = { effect: 'remove', images: 'keep', leftovers: 'remove' } as const;

describe('resolving an image', () => {
  let place: Place;

  beforeEach(() => {
    place = newPlace();
  });

  afterEach(() => place.dispose());

  const wish = (change: Partial<ImageWish>): ImageWish => ({
    name: 'base',
    kinds: ['oci'],
    agent,
    ...change,
  });

  it('gives the file of a stored image', async () => {
    const image = await storeImage(place, { name: 'base', content: 'root' });
    const found = await resolveImage(place.deps, wish({}), place.call);
    assert.ok(found.kind === 'stored');
    assert.equal(found.manifest.digest, image.digest);
    assert.equal(readFileSync(found.file('rootfs') ?? '', 'utf8'), 'root');
    assert.equal(found.file('disk'), undefined);
  });

  it('leaves an unknown name to container engines, and refuses it for machines with what could be meant', async () => {
    await storeImage(place, { name: 'my-base', content: 'x' });
    const reference = await resolveImage(place.deps, wish({ name: 'registry.example/x:1' }), place.call);
    assert.deepEqual(reference, { kind: 'reference', name: 'registry.example/x:1' });
    await assert.rejects(
      resolveImage(place.deps, wish({ name: 'my-bse', kinds: ['disk'] }), place.call),
      (error: unknown) =>
        error instanceof SandboxError &&
        error.code === 'image-not-found' &&
        /did you mean my-base\?.*heyvm images build/.test(error.hint ?? ''),
    );
  });

  it('names an image that is there when a base cannot be fetched', async () => {
    const noDisk = Buffer.from('what the vendor says, and no disk');
    const vendor = await startVendor(noDisk);
    const bases = { 'tea:1': { url: `${vendor.url}/tea.qcow2`, sha256: hexOf('sha256', noDisk) } };
    place.set({ images: { search: [], bases } });
    const fetching = () =>
      resolveImage(place.deps, wish({ name: 'tea:1', kinds: ['disk'] }), place.call).then(
        () => assert.fail('fetched'),
        (error: unknown) => (error instanceof SandboxError ? (error.hint ?? '') : assert.fail(String(error))),
      );
    try {
      assert.doesNotMatch(await fetching(), /--image/);
      await storeImage(place, { name: 'my-base', content: 'x' });
      assert.match(await fetching(), /or use an image that is here: --image my-base$/);
    } finally {
      await vendor.end();
    }
  });

  it('gives a disk to machines alone', async () => {
    await storeImage(place, { name: 'server', content: 'disk', role: 'disk' });
    const found = await resolveImage(place.deps, wish({ name: 'server', kinds: ['disk'] }), place.call);
    assert.equal(readFileSync(found.kind === 'stored' ? (found.file('disk') ?? '') : '', 'utf8'), 'disk');
    assert.equal((await resolveImage(place.deps, wish({ name: 'server' }), place.call)).kind, 'reference');
    await assert.rejects(
      resolveImage(place.deps, wish({ name: 'server', kinds: ['folder'] }), place.call),
      isError('unsupported'),
    );
  });

  it('refuses a broken image before anything starts from it, and says how to mend it', async () => {
    const image = await storeImage(place, { name: 'base', content: 'a root file system' });
    const path = blobPath(place.deps.paths, image.files[0]?.digest ?? '');
    chmodSync(path, 0o600);
    truncateSync(path, 5);
    await assert.rejects(
      resolveImage(place.deps, wish({}), place.call),
      (error: unknown) =>
        error instanceof SandboxError &&
        error.code === 'image-broken' &&
        error.message.includes(path) &&
        /heyvm images add .* base/.test(error.hint ?? ''),
    );
    // As the hint says.
    await storeImage(place, { name: 'base', content: 'a root file system' });
    assert.equal((await resolveImage(place.deps, wish({}), place.call)).kind, 'stored');
  });

  it('means by a digest what it was, as long as a sandbox needs it', async () => {
    const { paths } = place.deps;
    const old = await storeImage(place, { name: 'base', content: 'old' });
    await addRecord(paths, recordOf(1, { image: 'base', image_digest: old.digest }));
    await storeImage(place, { name: 'base', content: 'new' });
    await writeDerived(paths, { digest: old.digest, key: 'disk-1' }, []);
    await pruneImages(paths, { ...everything, images: 'unused' });
    const pinned = await resolveImage(place.deps, wish({ digest: old.digest }), place.call);
    assert.equal(readFileSync(pinned.kind === 'stored' ? (pinned.file('rootfs') ?? '') : '', 'utf8'), 'old');
    assert.deepEqual(await readDerived(paths, old.digest, 'disk-1'), []);
    assert.equal(blobsOf(place).length, 1);
    await removeFolder(paths, 'sb-00000001');
    await pruneImages(paths, everything);
    assert.deepEqual(blobsOf(place), []);
    assert.equal(await readDerived(paths, old.digest, 'disk-1'), undefined);
    await assert.rejects(
      resolveImage(place.deps, wish({ digest: old.digest }), place.call),
      isError('image-not-found'),
    );
  });

  it('keeps what a record mentions that was set aside as broken', async () => {
    const { paths } = place.deps;
    const image = await storeImage(place, { name: 'base', content: 'old' });
    await addRecord(paths, recordOf(1, { image: 'base', image_digest: image.digest }));
    const record = join(paths.sandboxes, 'sb-00000001', 'sandbox.yaml');
    writeFileSync(`${record}.broken-1`, `half a record ${image.digest}`);
    execFileSync('rm', [record]);
    await storeImage(place, { name: 'base', content: 'new' });
    await pruneImages(paths, everything);
    assert.ok(existsSync(blobPath(paths, image.files[0]?.digest ?? '')));
  });
});

function isError(code: string): (error: unknown) => boolean {
  return error => error instanceof SandboxError && error.code === code && error.message !== '';
}
