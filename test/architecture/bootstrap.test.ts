// The bootstrap runs before anything is installed, so it may need nothing but an old Node.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../scripts/lib/command.ts';
import { root } from '../../scripts/lib/places.ts';

const bootstrap = join(root, 'scripts', 'bootstrap.mjs');

describe('the bootstrap', () => {
  it('imports nothing but modules of Node', () => {
    const imports = [...readFileSync(bootstrap, 'utf8').matchAll(/\bfrom '([^']+)'/g)].map(
      ([, name = '']) => name,
    );
    assert.ok(imports.length > 3);
    assert.deepEqual(
      imports.filter(name => !name.startsWith('node:')),
      [],
    );
  });

  it('knows every task of package.json', async () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const tasks = Object.values(scripts).map(line => line.split(' ').at(-1) ?? '');
    const refused = await attempt([process.execPath, bootstrap, 'no-such-task']);
    assert.equal(refused.code, 1);
    const known = /one of: (.*)/.exec(refused.stderr)?.[1]?.split(', ') ?? [];
    assert.deepEqual(
      tasks.filter(task => !known.includes(task)),
      [],
    );
  });

  it('runs on the oldest Node that it promises', async function () {
    const oldest = process.env['HEYVM_OLD_NODE'] ?? '/usr/bin/node';
    const version = await attempt([oldest, '--version']).catch(() => undefined);
    const major = Number(/^v(\d+)/.exec(version?.stdout ?? '')?.[1]);
    if (!(major < 24)) {
      console.log('not run: there is no older Node on this machine; HEYVM_OLD_NODE names one');
      this.skip();
    }
    const told = await attempt([oldest, bootstrap, 'no-such-task']);
    assert.match(told.stderr, /^heyvm: there is no task no-such-task\n {2}one of: /);
  });
});
