// What a window on a worktree is opened with, and where a window inside would go.
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { canRunServer, placeServer } from '../../../extension/handOff/editorServer.ts';
import { forgetWindow, writeWindowFile } from '../../../extension/handOff/localWindow.ts';
import { remoteSshExtension, remoteUri } from '../../../extension/handOff/remoteSsh.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, extension, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('the hand-off', () => {
  let repository: Repository;
  let sandbox: SandboxInfo;
  const storage = mkdtempSync(join(tmpdir(), 'hvw-'));

  const place = () => ({
    globalStorageUri: vscode.Uri.file(storage),
    extensionPath: extension().extensionPath,
  });

  before(async () => {
    repository = makeRepository('feature/window');
    const argument = { repository: repository.path, branch: 'feature/window', open: 'none' };
    ({ sandbox } = await command<{ sandbox: SandboxInfo }>('heyvm.openBranch', argument));
  });

  after(async () => {
    await removeAll();
    repository.remove();
    rmSync(storage, { recursive: true, force: true });
  });

  it('addresses a window inside by the ssh alias', () => {
    assert.equal(
      remoteUri(sandbox.ssh.alias).toString(true),
      `vscode-remote://ssh-remote+${sandbox.ssh.alias}/workspace`,
    );
    assert.match(sandbox.ssh.alias, /^heyvm-[a-z0-9.-]+$/);
  });

  it('looks before a window opens inside whether its server can run there', async () => {
    const said: string[] = [];
    const log = { info: (line: string) => said.push(line), warn: (line: string) => said.push(line) };
    const { helper } = await product();
    assert.equal(await canRunServer({ helper, log }, sandbox), true, said.join('\n'));
  });

  it('opens the window all the same when the server cannot be put inside', async () => {
    const said: string[] = [];
    const log = { info: (line: string) => said.push(line), warn: (line: string) => said.push(line) };
    const call = () => Promise.reject(new Error('no network'));
    await placeServer({ helper: { call }, log }, sandbox);
    assert.match(said.join('\n'), /no network|does not say where its server is/);
  });

  it('uses no window over ssh in a browser', function () {
    if (vscode.env.uiKind !== vscode.UIKind.Web) {
      console.log('not run: this editor is not in a browser');
      this.skip();
    }
    assert.equal(remoteSshExtension(), undefined);
  });

  it('opens the worktree with terminals inside and source control of the host off, and no file in the branch', async () => {
    const file = await writeWindowFile(place(), sandbox);
    const content = JSON.parse(readFileSync(file.fsPath, 'utf8'));
    assert.deepEqual(content.folders, [{ name: 'feature/window', path: sandbox.worktree?.path }]);
    assert.equal(content.settings['terminal.integrated.defaultProfile.linux'], 'heyvm sandbox');
    const automation = content.settings['terminal.integrated.automationProfile.linux'];
    assert.ok(existsSync(automation.path));
    assert.deepEqual(automation.args, ['exec', '--tty', sandbox.id, '--', 'sh']);
    assert.equal(content.settings['git.enabled'], false);
    assert.deepEqual(readdirSync(sandbox.worktree?.path ?? '').sort(), ['.git', 'file.txt']);
    assert.equal(
      repository.git('-C', sandbox.worktree?.path ?? '', 'status', '--porcelain', '--ignore-submodules=all'),
      '',
    );
  });

  it('runs shell tasks inside with the settings of such a window', async () => {
    const file = await writeWindowFile(place(), sandbox);
    const { settings } = JSON.parse(readFileSync(file.fsPath, 'utf8'));
    const name = 'terminal.integrated.automationProfile.linux';
    const { Global } = vscode.ConfigurationTarget;
    await vscode.workspace.getConfiguration().update(name, settings[name], Global);
    try {
      const script = 'echo "$HOME $(pwd)" > task.new; mv task.new task.txt';
      const execution = new vscode.ShellExecution(script);
      const task = new vscode.Task({ type: 'shell' }, vscode.TaskScope.Workspace, 'where', 'test', execution);
      await vscode.tasks.executeTask(task);
      const written = join(sandbox.worktree?.path ?? '', 'task.txt');
      await eventually(() => existsSync(written), {
        what: 'the file that the task writes',
        withinMs: 60_000,
      });
      assert.equal(readFileSync(written, 'utf8'), '/home/dev /workspace\n');
    } finally {
      await vscode.workspace.getConfiguration().update(name, undefined, Global);
      for (const terminal of vscode.window.terminals) terminal.dispose();
    }
  });

  it('forgets the window of a sandbox that is removed', async () => {
    await forgetWindow(place(), sandbox);
    assert.deepEqual(readdirSync(join(storage, 'windows')), []);
  });
});
