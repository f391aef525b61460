// The block `contributes` of package.json is the one that the tables make, and its references lead somewhere.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandTable } from './commands/table.ts';
import { contributes } from './manifest.ts';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

describe('the manifest', () => {
  it('contributes what the tables of the extension say', () => {
    assert.deepEqual(manifest.contributes, JSON.parse(JSON.stringify(contributes)));
  });

  it('names commands in menus and welcome views that exist', () => {
    const named = [
      ...JSON.stringify(contributes).matchAll(/heyvm\.[a-zA-Z]+(?=")|(?<=command:)heyvm\.[a-zA-Z]+/g),
    ].map(String);
    const known = new Set<string>([
      ...Object.keys(commandTable),
      'heyvm.sandboxes',
      'heyvm.guest',
      'heyvm.mcp',
    ]);
    const settings = new Set(Object.keys(contributes.configuration.properties));
    assert.ok(named.length > Object.keys(commandTable).length);
    assert.deepEqual(
      [...new Set(named)].filter(name => !known.has(name) && !settings.has(name)),
      [],
    );
  });

  it('names pictures that exist, one for each of the five first steps', () => {
    const { steps } = contributes.walkthroughs[0];
    assert.equal(new Set(steps.map(({ media }) => media.image)).size, 5);
    for (const { media } of steps) assert.ok(existsSync(join(root, media.image)), media.image);
    assert.ok(existsSync(join(root, manifest.icon)));
    assert.ok(existsSync(join(root, contributes.viewsContainers.activitybar[0].icon)));
  });

  it('keeps the palette to twenty commands', () => {
    const hidden = new Set(contributes.menus.commandPalette.map(({ command }) => command));
    const shown = Object.keys(commandTable).filter(command => !hidden.has(command));
    assert.ok(shown.length <= 20, String(shown.length));
  });

  it('uses no proposed API', () => {
    assert.equal(manifest.enabledApiProposals, undefined);
  });

  it('lets no workspace choose what runs or how strictly', () => {
    const scopes = Object.entries(contributes.configuration.properties).map(([name, { scope }]) => [
      name,
      scope,
    ]);
    assert.deepEqual(Object.fromEntries(scopes), {
      'heyvm.backend': 'machine',
      'heyvm.network': 'machine',
      'heyvm.openIn': 'window',
      'heyvm.prepareServer': 'machine',
      'heyvm.helper.node': 'machine',
    });
  });
});
