// Files of ours in the editor: what is wrong in them, what was meant, and the sandbox that they describe.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvmOk, listed, product, removeAll } from '../support/product.ts';

describe('a project file in the editor', () => {
  let folder: string;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvf-')));
  });

  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await removeAll();
    rmSync(folder, { recursive: true, force: true });
  });

  function write(path: string, text: string): vscode.Uri {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
    return vscode.Uri.file(join(folder, path));
  }
  async function open(text: string): Promise<vscode.TextDocument> {
    const document = await vscode.workspace.openTextDocument(write('.heyvm/sandbox.yaml', text));
    await vscode.window.showTextDocument(document);
    return document;
  }
  const problemsOf = ({ uri }: vscode.TextDocument): vscode.Diagnostic[] =>
    vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'heyvm');

  it('wakes the helper, is checked as it is written, and is mended by a quick fix', async () => {
    const document = await open('name: shop\nnetwrk: none\n');
    const [problem] = await eventually(() => problemsOf(document).length > 0 && problemsOf(document), {
      what: 'a diagnostic',
      // The first one waits for the helper.
      withinMs: 50_000,
    });
    assert.match(problem?.message ?? '', /did you mean network\?/);
    assert.equal(document.getText(problem?.range), 'netwrk');
    const { helper } = await product();
    assert.equal(helper.state.kind, 'running');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      problem?.range,
      vscode.CodeActionKind.QuickFix.value,
    );
    const fix = actions.find(({ title }) => title === 'Change to network') ?? assert.fail('no fix');
    assert.ok(await vscode.workspace.applyEdit(fix.edit ?? assert.fail('no edit')));
    assert.equal(document.getText(), 'name: shop\nnetwork: none\n');
    await eventually(() => problemsOf(document).length === 0, { what: 'no diagnostic' });
  });

  it('completes and explains from the schema', async () => {
    const { uri } = await open('network: no\nli');
    const list = await eventually(
      async () => {
        const found = await vscode.commands.executeCommand<vscode.CompletionList>(
          'vscode.executeCompletionItemProvider',
          uri,
          new vscode.Position(1, 2),
        );
        return found.items.some(({ label }) => label === 'limits') && found.items;
      },
      { what: 'completion' },
    );
    assert.ok(!list.some(({ label }) => label === 'network'));
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      uri,
      new vscode.Position(0, 2),
    );
    const said = hovers.flatMap(({ contents }) =>
      contents.map(each => (each as vscode.MarkdownString).value),
    );
    assert.match(said.join('\n'), /programs inside may reach/);
  });

  it('has a lens that starts its sandbox', async () => {
    const { uri } = await open('setup: ["echo done >made"]\n');
    const [lens] = await eventually(
      async () => {
        const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
          'vscode.executeCodeLensProvider',
          uri,
        );
        return found.length > 0 && found;
      },
      { what: 'the lens' },
    );
    const { command: id = '', arguments: words = [] } = lens?.command ?? {};
    assert.equal(id, 'heyvm.up');
    const done = await vscode.commands.executeCommand<{ sandbox: SandboxInfo }>(id, ...words);
    assert.equal(done.sandbox.status, 'running');
    assert.ok(existsSync(join(folder, 'made')));
    assert.deepEqual(
      (await listed()).map(({ id: sandbox }) => sandbox),
      [done.sandbox.id],
    );
  });

  it('is not followed where it is wrong, and the place is shown', async () => {
    const uri = write('.heyvm/sandbox.yaml', 'name: shop\nnetwrk: none\n');
    await assert.rejects(command('heyvm.up', { folder }), /sandbox\.yaml:2: unknown key netwrk/);
    await eventually(
      () =>
        vscode.window.activeTextEditor?.document.uri.fsPath === uri.fsPath && vscode.window.activeTextEditor,
      { what: 'the file' },
    );
    assert.equal(vscode.window.activeTextEditor?.selection.start.line, 1);
    assert.deepEqual(await listed(), []);
  });

  it('may be a devcontainer.json, which gets what a person agreed to', async () => {
    write(
      '.devcontainer/devcontainer.json',
      '{\n  // for everybody\n  "postCreateCommand": "echo $WORD >made",\n  "containerEnv": { "WORD": "tea" },\n  "runArgs": ["--privileged"],\n}\n',
    );
    await assert.rejects(command('heyvm.up', { folder, trust: [] }), /network open/);
    const { sandbox } = await command<{ sandbox: SandboxInfo }>('heyvm.up', {
      folder,
      trust: ['network open'],
    });
    assert.equal(sandbox.policy.network, 'open');
    assert.equal(await heyvmOk('exec', sandbox.id, '--', 'cat', '/workspace/made'), 'tea\n');
  });
});
