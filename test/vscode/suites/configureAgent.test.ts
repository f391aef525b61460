// Add Sandboxes to an Agent: the change is shown in the diff editor before it is written.
import { strict as assert } from 'node:assert';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { command } from '../support/product.ts';

describe('Add Sandboxes to an Agent', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'hva-')));
    path = join(folder, '.mcp.json');
  });

  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(folder, { recursive: true, force: true });
  });

  const add = () =>
    command<{ path: string; changed: boolean }>('heyvm.configureAgent', {
      client: 'project',
      folder,
      confirmed: true,
    });
  const diffs = (): vscode.TabInputTextDiff[] =>
    vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs.map(({ input }) => input))
      .filter(input => input instanceof vscode.TabInputTextDiff);

  it('shows both sides, keeps what is there, and does nothing twice', async () => {
    writeFileSync(path, '{\n  // everybody\n  "mcpServers": { "other": { "command": "x" } }\n}\n');
    const shown: string[][] = [];
    const listening = vscode.window.tabGroups.onDidChangeTabs(async () => {
      const [diff] = diffs();
      if (diff === undefined || shown.length > 0) return;
      shown.push([]);
      for (const uri of [diff.original, diff.modified])
        shown[0]?.push((await vscode.workspace.openTextDocument(uri)).getText());
    });
    try {
      assert.deepEqual(await add(), { path, changed: true });
    } finally {
      listening.dispose();
    }
    const text = readFileSync(path, 'utf8');
    assert.match(text, /\/\/ everybody/);
    assert.match(text, /"other"/);
    assert.match(text, /"heyvm": \{/);
    const [[before = '', after = ''] = []] = shown;
    assert.ok(before.includes('// everybody') && !before.includes('heyvm'), before);
    assert.equal(after, text);
    assert.deepEqual(await add(), { path, changed: false });
  });

  it('leaves a broken file as it is', async () => {
    writeFileSync(path, '{ "mcpServers": ');
    await assert.rejects(add(), /left as it is/);
    assert.equal(readFileSync(path, 'utf8'), '{ "mcpServers": ');
  });
});
