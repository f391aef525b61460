// The protocol is what the committed schemas say, or its version was raised.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../scripts/lib/command.ts';
import { root } from '../../scripts/lib/places.ts';
import { goldenSchemas } from '../../scripts/lib/protocolSchemas.ts';
import { helperContract } from '../../server/protocol/helper.ts';
import { ownerContract } from '../../server/protocol/owner.ts';

const folder = join(root, 'test', 'protocol', 'golden');
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

describe('the protocol', () => {
  it('is the one that the committed schemas describe', () => {
    const schemas = goldenSchemas();
    assert.ok(schemas.length >= 7);
    assert.deepEqual(readdirSync(folder).sort(), schemas.map(({ name }) => `${name}.json`).sort());
    for (const { name, schema } of schemas) {
      const now = JSON.parse(JSON.stringify(schema));
      assert.deepEqual(
        now,
        read(`${name}.json`),
        `${name} changed: raise the version and run npm run generate`,
      );
    }
  });

  it('covers every method of both contracts', () => {
    assert.deepEqual(Object.keys(read('helper.json')), Object.keys(helperContract));
    assert.deepEqual(Object.keys(read('owner.json')), Object.keys(ownerContract));
  });

  it('raised its version if it differs from the last release', async function () {
    const tags = await attempt(['git', 'tag', '--list', 'v*', '--sort=-version:refname'], { cwd: root });
    const [last = ''] = tags.stdout.split('\n');
    if (last === '') {
      console.log('not run: nothing was released yet, so there is no protocol to compare with');
      this.skip();
    }
    const changed = await attempt(['git', 'diff', '--name-only', last, '--', folder], { cwd: root });
    const messages = changed.stdout.split('\n').filter(path => path !== '' && !path.endsWith('version.json'));
    if (messages.length === 0) return;
    assert.ok(changed.stdout.includes('version.json'), `changed since ${last}: ${messages.join(', ')}`);
  });

  it('describes every method in one sentence', () => {
    const methods = Object.entries({ ...helperContract, ...ownerContract });
    assert.ok(methods.length > 20);
    const silent = methods.filter(([, { about }]) => !/^[A-Z].{8,}\.$/.test(about)).map(([method]) => method);
    assert.deepEqual(silent, []);
  });

  it('names methods noun/verb', () => {
    const methods = [...Object.keys(helperContract), ...Object.keys(ownerContract)];
    assert.deepEqual(
      methods.filter(method => !/^[a-z]+\/[a-z]+$/.test(method)),
      [],
    );
  });
});
