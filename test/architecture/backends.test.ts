// A backend is one folder with the agreed files and one line in the registry, and nobody else knows its name.
import { strict as assert } from 'node:assert';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/places.ts';
import { backends } from '../../server/backends/registry.ts';
import { isCode, sources } from './sources.ts';

const folder = join(root, 'server', 'backends');
const agreed = ['README.md', 'driver.ts', 'index.ts', 'options.ts', 'plan.test.ts', 'plan.ts'];

describe('backends', () => {
  const folders = readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && entry.name !== 'kit')
    .map(entry => entry.name);

  it('stand in the registry once each, and each has a folder', () => {
    console.log(`      looked at ${folders.length} backends`);
    assert.ok(folders.length > 0);
    const names = folders.map(name => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`));
    assert.deepEqual(backends.map(({ manifest }) => manifest.id).sort(), names.sort());
  });

  for (const name of folders) {
    it(`${name} has the agreed files`, () => {
      const missing = agreed.filter(file => !existsSync(join(folder, name, file)));
      assert.deepEqual(missing, []);
    });
  }

  it('are named nowhere else in the product', async () => {
    const product = await sources(path => isCode(path) && /^(server|extension)\//.test(path));
    assert.ok(product.length > 100);
    const ids = backends.flatMap(({ manifest }) => [manifest.id, ...manifest.aliases]);
    const quoted = new RegExp(`(['"\`])(${ids.join('|')})\\1`);
    // Answers that the help shows as examples are documentation, and a program on people's machines has the name it has.
    const exempt = /^server\/(backends\/|cli\/table\/|engine\/program\.ts$)/;
    const named = product.filter(({ path, text }) => !exempt.test(path) && quoted.test(text));
    assert.deepEqual(
      named.map(({ path }) => path).filter(path => !path.endsWith('.test.ts')),
      [],
    );
  });
});
