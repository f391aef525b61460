// What somebody who writes settings is told about backends comes from their manifests, and nothing of it is missing.
import { strict as assert } from 'node:assert';
import { backends } from '../backends/registry.ts';
import { aboutAt, knownKeys, wordsAt } from '../project/keys.ts';
import { parse } from '../protocol/parse.ts';
import { WrittenSettings } from './settingsSchema.ts';

describe('settings as they are written', () => {
  it('know every backend by its id and by the others of its names', () => {
    const names = backends.flatMap(({ manifest }) => [manifest.id, ...manifest.aliases]);
    assert.deepEqual(wordsAt(WrittenSettings, ['backend_type']), names);
    assert.deepEqual(
      knownKeys(WrittenSettings, ['backends']),
      backends.map(({ manifest }) => manifest.id),
    );
  });

  for (const { manifest } of backends) {
    it(`explain every option of ${manifest.id}, and have an image where it has images`, () => {
      const path = ['backends', manifest.id];
      assert.ok((aboutAt(WrittenSettings, path) ?? '').includes(manifest.title));
      const keys = knownKeys(WrittenSettings, path);
      assert.ok(keys.length > 0);
      assert.equal(keys.includes('image'), (manifest.capabilities.images ?? []).length > 0);
      for (const key of keys) assert.ok((aboutAt(WrittenSettings, [...path, key]) ?? '').length > 10, key);
    });
  }

  it('are those that are read, when they are right', () => {
    assert.ok(parse(WrittenSettings, {}).ok);
    const [known = assert.fail()] = backends;
    assert.ok(parse(WrittenSettings, { backend_type: known.manifest.id, backends: {} }).ok);
    assert.ok(!parse(WrittenSettings, { backends: { none: {} } }).ok);
  });
});
