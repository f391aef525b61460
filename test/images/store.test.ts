// The image store: content under digests, names over it, damage found before use, and nothing pruned that is needed.
import { strict as assert } from 'node:assert';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { hashFile, putBlob } from '../../server/images/blobs.ts';
import { layoutOf } from '../../server/images/layout.ts';
import { listManifests, markBooted, readByDigest, readManifest } from '../../server/images/manifest.ts';
import { decodeName, encodeName } from '../../server/images/names.ts';
import { pruneImages } from '../../server/images/prune.ts';
import { removeImage } from '../../server/images/remove.ts';
import { verifyBlob } from '../../server/images/verify.ts';
import { addRecord } from '../../server/store/sandboxes.ts';
import { recordOf } from '../store/support.ts';
import { eventually } from '../support/eventually.ts';
import { blobsOf, newPlace, type Place, storeImage } from './support.ts';

const everything = { effect: 'remove', images: 'keep', leftovers: 'remove' } as const;

describe('the image store', () => {
  let place: Place;

  beforeEach(() => {
    place = newPlace();
  });

  afterEach(() => place.dispose());

  it('keeps one read-only copy of a content, under its digest', async () => {
    const { paths } = place.deps;
    const first = await putBlob(paths, place.file('a', 'same'), { take: 'copy' });
    const second = await putBlob(paths, place.file('b', 'same'), { take: 'copy' });
    assert.equal(first.digest, second.digest);
    assert.equal(first.digest, (await hashFile(join(place.folder, 'a'))).digest);
    assert.deepEqual(blobsOf(place), [first.digest.replace(':', '-')]);
    assert.equal(statSync(first.path).mode & 0o777, 0o444);
    writeFileSync(join(place.folder, 'a'), 'changed later');
    assert.equal(readFileSync(first.path, 'utf8'), 'same');
    assert.deepEqual(readdirSync(layoutOf(paths).incoming), []);
  });

  it('takes the same content from many at once', async () => {
    const source = place.file('big', Buffer.alloc(3 * 1024 * 1024, 7));
    const all = await Promise.all(
      Array.from({ length: 8 }, () => putBlob(place.deps.paths, source, { take: 'copy' })),
    );
    assert.equal(new Set(all.map(blob => blob.digest)).size, 1);
    assert.equal(blobsOf(place).length, 1);
  });

  it('keeps holes of disks', async () => {
    const source = place.file('disk', 'head');
    truncateSync(source, 64 * 1024 * 1024);
    const { path, digest } = await putBlob(place.deps.paths, source, { take: 'copy' });
    const { size, blocks } = statSync(path);
    assert.equal(size, 64 * 1024 * 1024);
    assert.ok(blocks * 512 < 1024 * 1024, `${blocks} blocks`);
    assert.equal((await hashFile(source)).digest, digest);
  });

  it('says that a source does not exist', async () => {
    await assert.rejects(
      putBlob(place.deps.paths, join(place.folder, 'none'), { take: 'copy' }),
      isError('path-not-found'),
    );
  });

  it('has nothing under a name when it is killed while it copies, and tidies up', async () => {
    const source = place.file('huge', '');
    // Not zero, which would be a hole and copied in no time.
    execFileSync('dd', ['if=/dev/urandom', `of=${source}`, 'bs=1M', 'count=192', 'status=none']);
    const child = put(place, source);
    await heard(child, /\./);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.deepEqual(blobsOf(place), []);
    const removed = await pruneImages(place.deps.paths, everything);
    assert.deepEqual(
      removed.map(({ what }) => what),
      ['half-made file'],
    );
    assert.deepEqual(readdirSync(layoutOf(place.deps.paths).incoming), []);
  });

  it('prunes no file that a living process has not named yet', async () => {
    const child = put(place, place.file('source', 'content'));
    await heard(child, /sha256:/);
    assert.deepEqual(await pruneImages(place.deps.paths, everything), []);
    assert.equal(blobsOf(place).length, 1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await pruneImages(place.deps.paths, everything);
    assert.deepEqual(blobsOf(place), []);
  });

  it('tells all names apart in file names', () => {
    const names = ['debian:12', 'a:T', 'a:t', 'team/base', 'team-base', 'registry.example/x_y:1', 'a.b'];
    assert.equal(new Set(names.map(name => encodeName(name).toLowerCase())).size, names.length);
    for (const name of names) {
      assert.equal(decodeName(encodeName(name)), name);
      assert.match(encodeName(name), /^[a-z0-9._%-]+$/);
    }
    assert.equal(decodeName('A'), undefined);
  });

  it('gives the same digest to the same image under another name', async () => {
    const one = await storeImage(place, { name: 'one', content: 'x' });
    const again = await storeImage(place, { name: 'one', content: 'x' });
    const other = await storeImage(place, { name: 'one', content: 'y' });
    assert.equal(one.digest, again.digest);
    assert.notEqual(one.digest, other.digest);
    await markBooted(place.deps.paths, other, '2026-01-01T00:00:00.000Z');
    const booted = await readManifest(place.deps.paths, 'one');
    assert.equal(booted?.digest, other.digest);
    assert.equal(booted?.booted_at, '2026-01-01T00:00:00.000Z');
  });

  it('finds a name with and without latest, and an earlier image by its digest', async () => {
    const { paths } = place.deps;
    const first = await storeImage(place, { name: 'base', content: 'first' });
    const second = await storeImage(place, { name: 'base', content: 'second' });
    assert.equal((await readManifest(paths, 'base:latest'))?.digest, second.digest);
    assert.equal((await readByDigest(paths, first.digest))?.name, 'base');
    assert.equal(await readManifest(paths, 'other'), undefined);
  });

  it('lists what can be read beside what cannot', async () => {
    await storeImage(place, { name: 'good:1', content: 'x' });
    await storeImage(place, { name: 'bad:1', content: 'y' });
    writeFileSync(join(layoutOf(place.deps.paths).names, `${encodeName('bad:1')}.json`), '{"version":');
    const { images, problems } = await listManifests(place.deps.paths);
    assert.deepEqual(
      images.map(image => image.name),
      ['good:1'],
    );
    assert.match(problems[0]?.message ?? '', /bad:1/);
    // Nobody knows what the broken one needs.
    assert.deepEqual(await pruneImages(place.deps.paths, everything), []);
    await removeImage(place.deps.paths, 'bad:1', { used: 'refuse' });
    assert.deepEqual((await listManifests(place.deps.paths)).problems, []);
  });

  describe('verifying', () => {
    it('sees what was cut off, changed or taken away, and mends its stamp', async () => {
      const { paths } = place.deps;
      const content = Buffer.alloc(1024 * 1024, 'abc');
      const source = place.file('source', content);
      const { digest, path } = await putBlob(paths, source, { take: 'copy' });
      assert.equal((await verifyBlob(paths, digest, 'quick')).kind, 'intact');
      chmodSync(path, 0o600);
      const { atime, mtime } = statSync(path);
      // A loss that left size and time alone is found by the samples.
      writeFileSync(path, Buffer.concat([Buffer.alloc(4096), content.subarray(4096)]));
      utimesSync(path, atime, mtime);
      assert.equal((await verifyBlob(paths, digest, 'quick')).kind, 'damaged');
      writeFileSync(path, content);
      assert.equal((await verifyBlob(paths, digest, 'quick')).kind, 'intact');
      truncateSync(path, 1000);
      const cut = await verifyBlob(paths, digest, 'quick');
      assert.ok(
        cut.kind === 'damaged' && cut.why.includes('1000 bytes instead of 1048576'),
        JSON.stringify(cut),
      );
      await putBlob(paths, source, { take: 'copy' });
      assert.equal((await verifyBlob(paths, digest, 'full')).kind, 'intact');
      execFileSync('rm', ['-f', path]);
      assert.deepEqual(await verifyBlob(paths, digest, 'quick'), { kind: 'missing' });
    });
  });

  describe('removing', () => {
    it('refuses while a sandbox uses it, and by force takes the name alone', async () => {
      const { paths } = place.deps;
      const image = await storeImage(place, { name: 'base', content: 'x' });
      await addRecord(paths, recordOf(1, { image: 'base', image_digest: image.digest }));
      await assert.rejects(removeImage(paths, 'base', { used: 'refuse' }), isError('busy'));
      assert.deepEqual(await removeImage(paths, 'base', { used: 'remove' }), { name: 'base', freed: 0 });
      assert.equal(await readManifest(paths, 'base'), undefined);
      assert.equal(blobsOf(place).length, 1);
    });

    it('frees what nothing else needs', async () => {
      const { paths } = place.deps;
      await storeImage(place, { name: 'one', content: 'shared' });
      await storeImage(place, { name: 'two', content: 'shared' });
      await removeImage(paths, 'one', { used: 'refuse' });
      assert.equal(blobsOf(place).length, 1);
      const { freed } = await removeImage(paths, 'two', { used: 'refuse' });
      assert.ok(freed >= 'shared'.length);
      assert.deepEqual(blobsOf(place), []);
      await assert.rejects(removeImage(paths, 'two', { used: 'refuse' }), isError('image-not-found'));
    });
  });
});

function isError(code: string): (error: unknown) => boolean {
  return error => error instanceof SandboxError && error.code === code && error.message !== '';
}

function put({ folder }: Place, source: string): ChildProcess {
  const program = join(import.meta.dirname, 'fixtures', 'putter.ts');
  return spawn(process.execPath, [program, join(folder, 'h'), source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function heard(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text += chunk;
  });
  await eventually(() => pattern.test(text), { what: String(pattern), everyMs: 2 });
}
