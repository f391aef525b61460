// The commands that the editor knows are those of the manifest and of the table.
import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import { commandTable } from '../../../extension/commands/table.ts';
import { contributes } from '../../../extension/manifest.ts';
import { extension, product } from '../support/product.ts';

describe('the commands', () => {
  it('are registered, each one and no other one', async () => {
    await product();
    const known = await vscode.commands.getCommands(true);
    // The editor adds commands such as heyvm.sandboxes.focus for every view.
    const registered = known.filter(id => /^heyvm\.[a-zA-Z]+$/.test(id) && id !== 'heyvm.sandboxes');
    assert.deepEqual(registered.sort(), Object.keys(commandTable).sort());
  });

  it('are in the manifest as in the table', () => {
    const manifest = extension().packageJSON as { contributes: { commands: { command: string }[] } };
    const ids = manifest.contributes.commands.map(({ command }) => command);
    assert.deepEqual(ids, Object.keys(commandTable));
  });

  it('have settings whose defaults the editor knows', () => {
    const configuration = vscode.workspace.getConfiguration();
    for (const [name, { default: value }] of Object.entries(contributes.configuration.properties)) {
      assert.equal(configuration.inspect(name)?.defaultValue, value, name);
    }
  });
});
