// Bases: pulled once, checked, from mirrors or from this machine; and which are known.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { findBase, knownBases } from '../../server/images/bases.ts';
import { layoutOf } from '../../server/images/layout.ts';
import { readManifest } from '../../server/images/manifest.ts';
import { pruneImages } from '../../server/images/prune.ts';
import { pullBase } from '../../server/images/pull.ts';
import { resolveImage } from '../../server/images/resolve.ts';
import { newPlace, type Place } from './support.ts';
import { hexOf, startVendor, type Vendor } from './vendor.ts';

const SIZE = 2 * 1024 * 1024;

describe('pulling a base', () => {
  let place: Place;
  let vendor: Vendor;
  // What a disk has to begin with: the head of qcow2, version 3.
  const disk = Buffer.alloc(SIZE);
  disk.writeUInt32BE(0x514649fb, 0);
  disk.writeUInt32BE(3, 4);

  const base = (file: string, sha256 = hexOf('sha256', disk)): unknown => ({
    images: {
      search: [join(place.folder, 'search')],
      bases: { 'tea:1': { url: `${vendor.url}/${file}`, sha256 } },
    },
  });

  beforeEach(async () => {
    place = newPlace();
    vendor = await startVendor(disk);
    place.set(base('tea-1.qcow2'));
  });

  afterEach(async () => {
    await vendor.end();
    place.dispose();
  });

  it('makes an image of it, once', async () => {
    const first = await pullBase(place.deps, 'tea:1', place.call);
    assert.equal(first.cached, false);
    assert.deepEqual(first.image.source, {
      kind: 'download',
      from: `${vendor.url}/tea-1.qcow2`,
      inputs: `sha256:${hexOf('sha256', disk)}`,
    });
    assert.equal(first.image.init, 'cloud-init');
    assert.equal((await pullBase(place.deps, 'tea:1', place.call)).cached, true);
    assert.equal(vendor.asked.length, 1);
    assert.deepEqual(readdirSync(layoutOf(place.deps.paths).downloads), []);
  });

  it('is shared by those who ask at the same time', async () => {
    const all = await Promise.all([1, 2, 3].map(() => pullBase(place.deps, 'tea:1', place.call)));
    assert.deepEqual(all.map(({ cached }) => cached).sort(), [false, true, true]);
    assert.equal(vendor.asked.length, 1);
  });

  it('happens when a machine needs it', async () => {
    const wish = { name: 'tea:1', kinds: ['disk'], agent: 'unused' } as const;
    const found = await resolveImage(place.deps, wish, place.call);
    assert.ok(found.kind === 'stored' && readFileSync(found.file('disk') ?? '').equals(disk));
  });

  it('comes from a mirror, and is checked all the same', async () => {
    const mirror = await startVendor(Buffer.from('not the disk'));
    try {
      const settings = base('tea-1.qcow2') as { images: object };
      place.set({ images: { ...settings.images, mirrors: { [`${vendor.url}/`]: `${mirror.url}/copy/` } } });
      const quick = { ...place.call };
      mirror.moods = [{ kind: 'status', status: 404 }];
      await pullBase(place.deps, 'tea:1', quick);
      assert.equal(mirror.asked[0]?.url, '/copy/tea-1.qcow2');
      assert.equal(vendor.asked.length, 1);
    } finally {
      await mirror.end();
    }
  });

  it('is not needed where the disk is on this machine', async () => {
    place.file('search/tea-1.qcow2', disk);
    const { image } = await pullBase(place.deps, 'tea:1', place.call);
    assert.equal(image.source.kind, 'file');
    assert.deepEqual(vendor.asked, []);
  });

  it('takes no disk that builds on another file', async () => {
    const evil = Buffer.from(disk);
    evil.writeBigUInt64BE(512n, 8);
    vendor.content = evil;
    place.set(base('evil.qcow2', hexOf('sha256', evil)));
    await assert.rejects(pullBase(place.deps, 'tea:1', place.call), isError('image-broken'));
    assert.equal(await readManifest(place.deps.paths, 'tea:1'), undefined);
  });

  it('has no name before it is whole, and its rest can be pruned', async () => {
    const stop = new AbortController();
    vendor.moods = [{ kind: 'still', after: 1_000_000 }];
    const call = {
      signal: stop.signal,
      progress: ({ percent }: { percent?: number | undefined }) => {
        if ((percent ?? 0) > 10) stop.abort();
      },
    };
    await assert.rejects(pullBase(place.deps, 'tea:1', call), { name: 'AbortError' });
    assert.equal(await readManifest(place.deps.paths, 'tea:1'), undefined);
    const keep = { effect: 'show', images: 'keep', leftovers: 'remove' } as const;
    const shown = await pruneImages(place.deps.paths, keep);
    assert.ok(shown.some(({ what, bytes }) => what === 'unfinished download' && bytes > 0));
    await pruneImages(place.deps.paths, { ...keep, effect: 'remove' });
    assert.deepEqual(readdirSync(layoutOf(place.deps.paths).downloads), []);
  });

  it('wants a digest from the settings', async () => {
    place.set({ images: { bases: { 'tea:1': { url: `${vendor.url}/x` } } } });
    await assert.rejects(pullBase(place.deps, 'tea:1', place.call), isError('settings-broken'));
  });

  it('of an unknown name says which are known', async () => {
    await assert.rejects(
      pullBase(place.deps, 'ubuntu:2404', place.call),
      (error: unknown) =>
        error instanceof SandboxError && /did you mean ubuntu:24.04\?/.test(error.hint ?? ''),
    );
  });
});

describe('the known bases', () => {
  it('are fetched and checked over https', () => {
    const { settings } = newSettings();
    assert.deepEqual(knownBases(settings), ['ubuntu:24.04', 'debian:12', 'alpine:3.23']);
    for (const name of knownBases(settings)) {
      const base = findBase(settings, name);
      assert.ok(base?.url.startsWith('https://'));
      assert.ok(base?.checksum.kind === 'list' && base.checksum.url.startsWith('https://'));
    }
    // Its kernel must have 9p.
    assert.match(findBase(settings, 'debian:12')?.url ?? '', /-generic-/);
  });

  function newSettings() {
    const place = newPlace();
    const settings = place.deps.settings();
    place.dispose();
    return { settings };
  }
});

function isError(code: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
