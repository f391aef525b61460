// package.json says the same as the code it describes.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandTable } from '../../extension/commands/table.ts';
import { root } from '../../scripts/lib/places.ts';

type Manifest = {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly scope?: string }>> };
  };
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies?: object;
};

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

describe('package.json', () => {
  it('contributes exactly the commands of the extension', () => {
    const table = Object.entries(commandTable).map(([command, { title }]) => ({ command, title }));
    console.log(`      looked at ${table.length} commands`);
    assert.ok(table.length > 10);
    const contributed = manifest.contributes.commands.map(({ command, title }) => ({ command, title }));
    assert.deepEqual(contributed, table);
  });

  it('lets no repository set what runs on the machine', () => {
    const properties = Object.entries(manifest.contributes.configuration.properties);
    assert.ok(properties.length > 0);
    const runs = properties.filter(([name]) => /path|command|program|helper|node|environment/i.test(name));
    const open = runs.filter(([, { scope }]) => scope !== 'machine' && scope !== 'application');
    assert.deepEqual(
      open.map(([name]) => name),
      [],
    );
  });

  it('needs no package at run time, for the bundles hold what they need', () => {
    assert.equal(manifest.dependencies, undefined);
  });

  it('starts every task through the bootstrap, so that it works before anything is installed', () => {
    const tasks = Object.values(manifest.scripts);
    assert.ok(tasks.length > 8);
    assert.deepEqual(
      tasks.filter(task => !/^node scripts\/bootstrap\.mjs [a-z-]+$/.test(task)),
      [],
    );
  });
});
