// Downloads: whole and checked or not at all, going on after interruptions, from servers that misbehave.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { findBase, knownBases } from '../../server/images/bases.ts';
import { checksumIn } from '../../server/images/checksums.ts';
import { type Download, download } from '../../server/images/download.ts';
import { chunksOf, http, textOf } from '../../server/images/http.ts';
import { layoutOf } from '../../server/images/layout.ts';
import { readManifest } from '../../server/images/manifest.ts';
import { proxyFor } from '../../server/images/proxy.ts';
import { pruneImages } from '../../server/images/prune.ts';
import { pullBase } from '../../server/images/pull.ts';
import { resolveImage } from '../../server/images/resolve.ts';
import { newPlace, type Place } from './support.ts';
import { hexOf, startProxy, startVendor, type Vendor } from './vendor.ts';

const SIZE = 2 * 1024 * 1024;

describe('a download', () => {
  let place: Place;
  let vendor: Vendor;
  const content = randomBytes(SIZE);

  beforeEach(async () => {
    place = newPlace();
    vendor = await startVendor(content);
  });

  afterEach(async () => {
    await vendor.end();
    place.dispose();
  });

  const asked = (change: Partial<Download> = {}): Download => ({
    urls: [`${vendor.url}/disk.qcow2`],
    expected: { algorithm: 'sha512', hex: hexOf('sha512', content) },
    folder: join(place.folder, 'downloads'),
    env: {},
    title: 'the disk',
    retries: { count: 3, pauseMs: 1, idleMs: 500 },
    ...change,
  });

  it('comes whole, with its progress and its digest', async () => {
    const { path, digest } = await download(asked(), place.call);
    assert.ok(readFileSync(path).equals(content));
    assert.equal(digest, `sha256:${hexOf('sha256', content)}`);
    const percents = place.call.seen.flatMap(step => (step.percent === undefined ? [] : [step.percent]));
    assert.ok(percents.length > 2);
    assert.deepEqual(
      percents,
      [...percents].sort((left, right) => left - right),
    );
    assert.equal(percents.at(-1), 100);
  });

  it('goes on where the connection was cut', async () => {
    vendor.moods = [
      { kind: 'cut', after: 500_000 },
      { kind: 'cut', after: 700_000 },
    ];
    const { path } = await download(asked(), place.call);
    assert.ok(readFileSync(path).equals(content));
    const [first, second, third] = vendor.asked;
    assert.equal(first?.range, undefined);
    assert.match(second?.range ?? '', /^bytes=[1-9]\d*-$/);
    assert.match(third?.range ?? '', /^bytes=[1-9]\d*-$/);
    assert.equal(third?.ifRange, '"one"');
  });

  it('goes on in another process, after everything else was given up', async () => {
    vendor.moods = Array.from({ length: 4 }, () => ({ kind: 'cut', after: 400_000 }) as const);
    await assert.rejects(download(asked(), place.call), isError('image-not-found'));
    await download(asked(), newPlaceCall());
    assert.match(vendor.asked.at(-1)?.range ?? '', /^bytes=[1-9]\d*-$/);
  });

  it('begins again when the file changed meanwhile', async () => {
    const changed = randomBytes(SIZE);
    vendor.moods = [{ kind: 'cut', after: 500_000 }];
    const expected = { algorithm: 'sha512', hex: hexOf('sha512', changed) } as const;
    const call = {
      ...place.call,
      progress: ({ phase }: { phase: string }) => {
        if (!phase.startsWith('waiting')) return;
        vendor.content = changed;
        vendor.etag = '"two"';
      },
    };
    const { path } = await download(asked({ expected }), call);
    assert.ok(readFileSync(path).equals(changed));
    assert.equal(vendor.asked[1]?.ifRange, '"one"');
  });

  for (const kind of ['whole', 'other part'] as const) {
    it(`copes with a server that sends ${kind === 'whole' ? 'everything' : kind} instead of the rest`, async () => {
      vendor.moods = [{ kind: 'cut', after: 500_000 }, { kind }];
      const { path } = await download(asked(), place.call);
      assert.ok(readFileSync(path).equals(content));
    });
  }

  it('gives up a connection that stands still', async () => {
    vendor.moods = [{ kind: 'still', after: 300_000 }];
    const { path } = await download(asked(), place.call);
    assert.ok(readFileSync(path).equals(content));
    assert.equal(vendor.asked.length, 2);
  });

  it('tries again when the server is busy, and not when it has no such file', async () => {
    vendor.moods = [
      { kind: 'status', status: 503 },
      { kind: 'status', status: 429 },
    ];
    await download(asked(), place.call);
    assert.equal(vendor.asked.length, 3);
    vendor.asked.length = 0;
    vendor.moods = [{ kind: 'status', status: 404 }];
    await assert.rejects(
      download(asked({ urls: [`${vendor.url}/other`] }), place.call),
      (error: unknown) => error instanceof SandboxError && error.message.includes('404'),
    );
    assert.equal(vendor.asked.length, 1);
  });

  it('takes nothing whose digest is another one', async () => {
    vendor.moods = Array.from({ length: 4 }, () => ({ kind: 'wrong' }) as const);
    await assert.rejects(
      download(asked(), place.call),
      (error: unknown) =>
        error instanceof SandboxError && /sha512 is [0-9a-f]{12}… and should be/.test(error.message),
    );
    assert.deepEqual(readdirSync(join(place.folder, 'downloads')), []);
  });

  it('recovers from damage in the part that was here', async () => {
    vendor.moods = [{ kind: 'wrong' }];
    const { path } = await download(asked(), place.call);
    assert.ok(readFileSync(path).equals(content));
  });

  it('asks the next place when one has nothing', async () => {
    vendor.moods = [{ kind: 'status', status: 404 }];
    const urls = [`${vendor.url}/mirror/disk.qcow2`, `${vendor.url}/disk.qcow2`];
    const { url } = await download(asked({ urls }), place.call);
    assert.equal(url, urls[1]);
  });

  it('follows where the server sends it, and no further than reason', async () => {
    vendor.moods = [{ kind: 'elsewhere', to: '/moved' }];
    await download(asked(), place.call);
    assert.equal(vendor.asked.at(-1)?.url, '/moved');
    vendor.moods = Array.from({ length: 20 }, () => ({ kind: 'elsewhere', to: '/round' }) as const);
    await assert.rejects(
      download(asked({ urls: [`${vendor.url}/round`] }), place.call),
      isError('image-not-found'),
    );
  });

  it('stops at once when it is cancelled, and keeps what it has', async () => {
    const stop = new AbortController();
    vendor.moods = [{ kind: 'still', after: 300_000 }];
    const call = { signal: stop.signal, progress: () => stop.abort() };
    await assert.rejects(download(asked(), call), { name: 'AbortError' });
    const [part] = readdirSync(join(place.folder, 'downloads')).filter(file => file.endsWith('.part'));
    assert.ok(part !== undefined);
    await download(asked(), place.call);
    assert.match(vendor.asked.at(-1)?.range ?? '', /^bytes=[1-9]\d*-$/);
  });

  it('goes through the proxy of the environment, and past it where that says so', async () => {
    const proxy = await startProxy();
    try {
      const signal = new AbortController().signal;
      const env = { http_proxy: proxy.url.replace('://', '://tea:cup@'), no_proxy: 'localhost,127.0.0.1' };
      const far = await http({ url: 'http://images.example.invalid/disk', env, signal });
      assert.equal(await textOf(far), 'proxied');
      const login = Buffer.from('tea:cup').toString('base64');
      assert.deepEqual(proxy.asked, [`GET http://images.example.invalid/disk Basic ${login}`]);
      for await (const _ of chunksOf((await http({ url: `${vendor.url}/near`, env, signal })).body));
      assert.equal(vendor.asked.at(-1)?.url, '/near');
      // An https address only ever passes through; what answers here is no TLS, which shows that it was tried.
      const tls = { https_proxy: proxy.url };
      await assert.rejects(
        http({
          url: vendor.url.replace('http:', 'https:').replace('127.0.0.1', 'localhost'),
          env: tls,
          signal,
        }),
      );
      assert.match(proxy.asked.at(-1) ?? '', /^CONNECT localhost:\d+$/);
    } finally {
      await proxy.end();
    }
  });

  const newPlaceCall = () => ({ signal: new AbortController().signal, progress: () => {} });

  describe('of a base', () => {
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

    beforeEach(() => {
      vendor.content = disk;
      place.set(base('tea-1.qcow2'));
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
});

describe('the known bases', () => {
  it('are fetched and checked over https', () => {
    const { settings } = newSettings();
    assert.deepEqual(knownBases(settings), ['ubuntu:24.04', 'debian:12', 'alpine:3.23']);
    for (const name of knownBases(settings)) {
      const base = findBase(settings, name);
      assert.ok(base?.url.startsWith('https://'));
      assert.ok(base.checksum.kind === 'list' && base.checksum.url.startsWith('https://'));
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

describe('lists of checksums', () => {
  const hex = 'AB'.repeat(32);
  const lists: Readonly<Record<string, string>> = {
    'with two blanks': `${'0'.repeat(64)}  other.img\n${hex}  disk.img\n`,
    'with a star': `${hex} *disk.img\r\n`,
    'with a folder': `${hex}  ./disk.img\n`,
    'of the BSD form': `SHA256 (disk.img) = ${hex}\n`,
    'of one digest': `${hex}\n`,
    'with a signature around it': `-----BEGIN PGP SIGNED MESSAGE-----\n\n${hex} *disk.img\n-----END PGP SIGNATURE-----\n`,
  };
  for (const [title, list] of Object.entries(lists)) {
    it(`${title} are read`, () => {
      assert.equal(checksumIn(list, { file: 'disk.img', algorithm: 'sha256' }), hex.toLowerCase());
    });
  }

  it('without the file, or with two digests for it, are refused', () => {
    const two = `${hex}  disk.img\n${'0'.repeat(64)}  disk.img\n`;
    for (const list of [
      '',
      `${hex}  disk.img.zst\n`,
      two,
      `${hex.slice(2)}  disk.img\n`,
      '<html>not found</html>',
    ]) {
      assert.throws(
        () => checksumIn(list, { file: 'disk.img', algorithm: 'sha256' }),
        isError('image-broken'),
      );
    }
  });
});

describe('proxies', () => {
  const url = new URL('https://cloud.example.com/x');
  const table: readonly (readonly [string, NodeJS.ProcessEnv, string | undefined])[] = [
    ['nothing', {}, undefined],
    ['https_proxy', { https_proxy: 'http://p:1' }, 'http://p:1/'],
    ['HTTPS_PROXY', { HTTPS_PROXY: 'p:1' }, 'http://p:1/'],
    ['http_proxy alone', { http_proxy: 'http://p:1' }, undefined],
    ['all_proxy', { all_proxy: 'http://p:1' }, 'http://p:1/'],
    ['an exception', { https_proxy: 'http://p:1', no_proxy: '.example.com' }, undefined],
    ['an exception with a port', { https_proxy: 'http://p:1', no_proxy: 'example.com:8443' }, 'http://p:1/'],
    ['an exception for all', { https_proxy: 'http://p:1', no_proxy: '*' }, undefined],
    ['another exception', { https_proxy: 'http://p:1', no_proxy: 'ample.com' }, 'http://p:1/'],
    ['another kind', { all_proxy: 'socks5://p:1' }, undefined],
  ];
  for (const [title, env, expected] of table) {
    it(`follow ${title}`, () => assert.equal(proxyFor(url, env)?.href, expected));
  }
});

function isError(code: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
