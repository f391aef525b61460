// Pushing to a registry: against a small one that holds to the specification, since no real one is in reach.
import { strict as assert } from 'node:assert';
import { chmodSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SandboxError } from '../../server/core/errors.ts';
import { addImage } from '../../server/images/add.ts';
import { layoutOf } from '../../server/images/layout.ts';
import { publishImage } from '../../server/images/publish.ts';
import { parseReference } from '../../server/images/reference.ts';
import { type Access, digestOf, type Registry, startRegistry } from './registry.ts';
import { makeRoot, newPlace, type Place, pack, storeImage } from './support.ts';

const login = { user: 'tea', password: 'p:ot' };

describe('pushing an image (contract)', () => {
  let place: Place;
  let registry: Registry;

  const begin = async (access: Access): Promise<void> => {
    place = newPlace();
    registry = await startRegistry(access);
    const path = pack(makeRoot(place), join(place.folder, 'root.tar'));
    await addImage(place.deps, { path, name: 'base' }, place.call);
  };

  const push = (): ReturnType<typeof publishImage> =>
    publishImage(place.deps, { name: 'base', to: `docker://${registry.host}/team/base:1` }, place.call);

  const configure = (config: unknown): void => void place.file('.docker/config.json', JSON.stringify(config));

  afterEach(async () => {
    assert.deepEqual(readdirSync(layoutOf(place.deps.paths).incoming), []);
    await registry.end();
    place.dispose();
  });

  it('sends layer, configuration and manifest, and nothing twice', async () => {
    await begin({ kind: 'open' });
    const { digest } = await push();
    const manifest = registry.manifests.get('1');
    assert.equal(digestOf(manifest?.bytes ?? Buffer.alloc(0)), digest);
    const { layers, config } = JSON.parse(manifest?.bytes.toString() ?? '') as {
      layers: { digest: string }[];
      config: { digest: string };
    };
    const layer = gunzipSync(registry.blobs.get(layers[0]?.digest ?? '') ?? '');
    const told = JSON.parse(registry.blobs.get(config.digest)?.toString() ?? '') as {
      rootfs: { diff_ids: string[] };
    };
    assert.deepEqual(told.rootfs.diff_ids, [digestOf(layer)]);
    registry.log.length = 0;
    assert.equal((await push()).digest, digest);
    assert.deepEqual(
      registry.log.filter(line => line.startsWith('PUT')),
      ['PUT /v2/team/base/manifests/1'],
    );
  });

  for (const kind of ['basic', 'bearer'] as const) {
    it(`logs in with a password (${kind})`, async () => {
      await begin({ kind, ...login });
      const auth = Buffer.from(`${login.user}:${login.password}`).toString('base64');
      configure({ auths: { [registry.host]: { auth } } });
      await push();
      assert.ok(registry.manifests.has('1'));
    });
  }

  it('logs in with what a helper of the configuration knows', async () => {
    await begin({ kind: 'bearer', ...login });
    configure({ credHelpers: { [registry.host]: 'teahouse' } });
    const answer = JSON.stringify({ Username: login.user, Secret: login.password });
    const helper = place.file(
      'bin/docker-credential-teahouse',
      `#!/bin/sh\nread -r host\n[ "$host" = ${registry.host} ] && echo '${answer}'\n`,
    );
    chmodSync(helper, 0o755);
    const path = process.env['PATH'];
    process.env['PATH'] = `${join(place.folder, 'bin')}${delimiter}${path}`;
    try {
      await push();
    } finally {
      process.env['PATH'] = path;
    }
    assert.ok(registry.manifests.has('1'));
  });

  it('says what to do without credentials, and never shows wrong ones', async () => {
    await begin({ kind: 'bearer', ...login });
    await assert.rejects(push(), hasHint(/docker login/));
    const auth = Buffer.from('tea:wrong-secret').toString('base64');
    configure({ auths: { [registry.host]: { auth } } });
    await assert.rejects(push(), (error: unknown) => {
      assert.ok(error instanceof SandboxError && /docker login/.test(error.hint ?? ''));
      assert.ok(!JSON.stringify([error.message, error.hint, error.data]).includes('wrong-secret'));
      return true;
    });
    assert.equal(registry.manifests.size, 0);
  });

  it('can be tried again after the connection broke', async () => {
    await begin({ kind: 'open' });
    registry.cuts = 1;
    await assert.rejects(push(), hasHint(/try again/));
    assert.equal(registry.manifests.size, 0);
    await push();
    assert.ok(registry.manifests.has('1'));
  });

  it('refuses disks and places that are none', async () => {
    await begin({ kind: 'open' });
    await storeImage(place, { name: 'server', content: 'disk', role: 'disk' });
    const to = `docker://${registry.host}/server:1`;
    await assert.rejects(publishImage(place.deps, { name: 'server', to }, place.call), {
      code: 'unsupported',
    });
    for (const wrong of ['docker://', 'docker://x//y', 'docker://a b', 'somewhere']) {
      await assert.rejects(
        publishImage(place.deps, { name: 'base', to: wrong }, place.call),
        { code: 'usage' },
        wrong,
      );
    }
    assert.deepEqual(registry.log, []);
  });
});

describe('references', () => {
  const table: readonly (readonly [string, string])[] = [
    ['base', 'https://registry-1.docker.io library/base latest'],
    ['team/base:2', 'https://registry-1.docker.io team/base 2'],
    ['docker.io/base', 'https://registry-1.docker.io library/base latest'],
    ['registry.example.com/a/b:c', 'https://registry.example.com a/b c'],
    ['registry.example.com:5000/a', 'https://registry.example.com:5000 a latest'],
    ['localhost/a', 'http://localhost a latest'],
    ['127.0.0.1:5000/a:1', 'http://127.0.0.1:5000 a 1'],
  ];
  for (const [text, expected] of table) {
    it(`${text} means ${expected}`, () => {
      const { scheme, registry, repository, tag } = parseReference(text);
      assert.equal(`${scheme}://${registry} ${repository} ${tag}`, expected);
    });
  }
});

function hasHint(pattern: RegExp): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.match(error.hint ?? '', pattern, error.message);
    return true;
  };
}
