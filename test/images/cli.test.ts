// The commands about images, as people and programs run them.
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { putBlob } from '../../server/images/blobs.ts';
import { writeDerived } from '../../server/images/manifest.ts';
import { helperContract } from '../../server/protocol/helper.ts';
import { ImageInfo } from '../../server/protocol/image.ts';
import { parse, parseJson } from '../../server/protocol/parse.ts';
import { addRecord } from '../../server/store/sandboxes.ts';
import { launcher } from '../cli/support/world.ts';
import { recordOf } from '../store/support.ts';
import { makeRoot, newPlace, type Place, pack, storeImage } from './support.ts';
import { hexOf, startVendor } from './vendor.ts';

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

describe('heyvm images', () => {
  let place: Place;

  before(function () {
    if (existsSync(launcher)) return;
    console.log(`not run: ${launcher} is not built`);
    this.skip();
  });

  beforeEach(() => {
    place = newPlace();
  });

  afterEach(() => place.dispose());

  const heyvm = (...args: string[]): Promise<Outcome> =>
    new Promise(done => {
      const env = { PATH: process.env['PATH'], HOME: place.folder, HEYO_HOME: join(place.folder, 'h') };
      execFile(launcher, args, { env, cwd: place.folder }, (error, stdout, stderr) => {
        done({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      });
    });

  const json = async <S extends z.ZodMiniType>(schema: S, ...args: string[]): Promise<z.output<S>> => {
    const { code, stdout, stderr } = await heyvm(...args, '--format', 'json');
    assert.equal(code, 0, stderr);
    const parsed = parseJson(schema, stdout);
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
    return parsed.value;
  };

  it('says what to do when there are none', async () => {
    const empty = await heyvm('images');
    assert.deepEqual([empty.code, empty.stdout], [0, '']);
    assert.match(empty.stderr, /no images yet; make one with: heyvm images bootstrap debian:12/);
    assert.deepEqual(await json(z.array(ImageInfo), 'images', 'list'), []);
    assert.match((await heyvm('images', 'prune')).stderr, /nothing to remove/);
  });

  it('takes a file and shows it', async () => {
    pack(makeRoot(place), join(place.folder, 'root.tar'));
    const added = await heyvm('images', 'add', 'root.tar', 'my-base');
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stdout, /system +teapot 418/);
    const [listed] = await json(z.array(ImageInfo), 'images', 'list');
    assert.equal(listed?.name, 'my-base');
    assert.match((await heyvm('images', 'ls')).stdout, /^NAME +SYSTEM +ARCH.*\nmy-base +teapot 418 +/);
    const inspected = await json(helperContract['image/inspect'].result, 'images', 'inspect', 'my-base');
    assert.deepEqual(
      inspected.files.map(({ role, intact }) => [role, intact]),
      [['rootfs', true]],
    );
    assert.ok(parse(ImageInfo, inspected.image).ok);
  });

  it('shows what was made from an image too', async () => {
    const { digest } = await storeImage(place, { name: 'base', content: 'content' });
    const { paths } = place.deps;
    const disk = await putBlob(paths, place.file('disk', 'made'), { take: 'copy' });
    const file = { role: 'disk', format: 'qcow2', digest: disk.digest, bytes: disk.bytes } as const;
    for (const key of ['disk-1', 'disk-1-512']) await writeDerived(paths, { digest, key }, [file]);
    const { files } = await json(helperContract['image/inspect'].result, 'images', 'inspect', 'base');
    assert.deepEqual(
      files.map(({ role }) => role),
      ['rootfs', 'disk'],
    );
    assert.equal(
      (await json(helperContract['image/prune'].result, 'images', 'prune', '--yes')).removed.length,
      0,
    );
  });

  it('fails on a broken file, and shows which', async () => {
    await storeImage(place, { name: 'base', content: 'content' });
    const before = await json(helperContract['image/inspect'].result, 'images', 'inspect', 'base');
    const path = before.files[0]?.path ?? '';
    chmodSync(path, 0o600);
    truncateSync(path, 3);
    const { code, stdout, stderr } = await heyvm('images', 'show', 'base');
    assert.equal(code, 1);
    assert.match(stdout, /rootfs.*broken/);
    assert.match(stderr, /make it again/);
  });

  it('removes what is not used, and refuses the rest', async () => {
    const image = await storeImage(place, { name: 'base', content: 'content' });
    await storeImage(place, { name: 'spare', content: 'other' });
    await addRecord(place.deps.paths, recordOf(1, { image: 'base', image_digest: image.digest }));
    assert.match((await heyvm('images', 'list')).stdout, /base .*box-1/);
    assert.equal((await heyvm('images', 'rm', 'spare')).code, 2);
    const { code, stdout, stderr } = await heyvm('images', 'rm', '-y', 'base', 'spare', 'spar');
    assert.equal(code, 6);
    assert.match(stdout, /^removed spare/);
    assert.match(stderr, /image base is used by box-1/);
    assert.match(stderr, /there is no image spar/);
    const forced = await json(
      z.object({ removed: z.array(helperContract['image/remove'].result) }),
      ...['images', 'rm', '-y', '--force', 'base'],
    );
    assert.deepEqual(forced, { removed: [{ name: 'base', freed: 0 }] });
  });

  it('shows what a prune would take before it takes it', async () => {
    await storeImage(place, { name: 'unused', content: 'x' });
    const Answer = z.object({ ...helperContract['image/prune'].result.shape, dry_run: z.boolean() });
    const shown = await json(Answer, 'images', 'prune', '--unused', '--dry-run');
    assert.ok(shown.removed.some(({ what }) => what === 'image unused'));
    assert.equal((await json(z.array(ImageInfo), 'images', 'list')).length, 1);
    assert.equal((await heyvm('images', 'prune', '--unused')).code, 2);
    await json(Answer, 'images', 'prune', '--unused', '--yes');
    assert.deepEqual(await json(z.array(ImageInfo), 'images', 'list'), []);
  });

  it('pulls a base of the settings and publishes an archive', async () => {
    const disk = Buffer.alloc(4096);
    disk.writeUInt32BE(0x514649fb, 0);
    disk.writeUInt32BE(3, 4);
    const vendor = await startVendor(disk);
    try {
      const own = { url: `${vendor.url}/tea.qcow2`, sha256: hexOf('sha256', disk) };
      place.set({ images: { search: [], bases: { 'tea:1': own } } });
      const pulled = await json(helperContract['image/pull'].result, 'images', 'pull', 'tea:1');
      assert.equal(pulled.cached, false);
      assert.match((await heyvm('images', 'pull', 'tea:1')).stderr, /it was here already/);
    } finally {
      await vendor.end();
    }
    assert.equal((await heyvm('images', 'publish', 'tea:1', 'out.tar')).code, 4);
    pack(makeRoot(place), join(place.folder, 'root.tar'));
    await heyvm('images', 'add', 'root.tar', 'my-base');
    const published = await json(
      helperContract['image/publish'].result,
      ...['images', 'publish', 'my-base', 'oci-archive:out.tar'],
    );
    assert.equal(published.to, join(place.folder, 'out.tar'));
  });

  it('helps with slips', async () => {
    const slips: readonly (readonly [readonly string[], RegExp])[] = [
      [['images', 'inspec'], /did you mean heyvm images inspect\?/],
      [['images', 'inspect'], /images inspect needs <image>/],
      [['images', 'inspect', 'nothing'], /heyvm images list shows what is there/],
      [['images', 'build'], /needs a name/],
      [['images', 'build', '--name', 'x', '--size-mb', 'big'], /a number of MiB or auto/],
      [['images', 'add', 'none.tar', 'x'], /there is no file/],
      [['images', 'add', 'none.tar', 'No Name'], /must be a name such as debian:12/],
    ];
    for (const [args, pattern] of slips) {
      const { code, stderr } = await heyvm(...args);
      assert.match(stderr, pattern);
      assert.ok(code === 2 || code === 3, `${args.join(' ')} gave ${code}`);
    }
    assert.match((await heyvm('help', 'images')).stdout, /images publish +Write an image/);
    assert.match((await heyvm('help', 'images', 'rm')).stdout, /heyvm images rm \[flags\] <image>/);
  });

  it('offers the names of images to completion', async () => {
    await storeImage(place, { name: 'debian:12', content: 'x' });
    assert.equal((await heyvm('__complete', 'image')).stdout, 'debian:12\n');
  });
});
