// Downloads: whole and checked or not at all, going on after interruptions, from servers that misbehave.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { type Download, download } from '../../server/images/download.ts';
import { chunksOf, http, textOf } from '../../server/images/http.ts';
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
});

function isError(code: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
