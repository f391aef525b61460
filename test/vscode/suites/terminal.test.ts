// Terminals of the editor that are inside a sandbox.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { PROFILE_TITLE } from '../../../extension/names.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('a terminal in a sandbox', () => {
  let repository: Repository;
  let sandbox: SandboxInfo;

  before(async () => {
    repository = makeRepository('feature/terminal');
    const argument = { repository: repository.path, branch: 'feature/terminal', open: 'none' };
    ({ sandbox } = await command<{ sandbox: SandboxInfo }>('heyvm.openBranch', argument));
  });

  after(async () => {
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await removeAll();
    repository.remove();
  });

  /** What the shell of the terminal answers, by way of a file in the worktree. */
  async function answerOf(terminal: vscode.Terminal, script: string, name: string): Promise<string> {
    const file = join(sandbox.worktree?.path ?? '', name);
    terminal.sendText(`(${script}) > /workspace/${name}.new; mv /workspace/${name}.new /workspace/${name}`);
    await eventually(() => existsSync(file), { what: `${name} written in the terminal`, withinMs: 60_000 });
    return readFileSync(file, 'utf8');
  }

  it('is named after the branch and runs inside', async () => {
    const terminal = await command<vscode.Terminal>('heyvm.openTerminal', { sandbox: sandbox.id });
    assert.equal(terminal.name, 'feature/terminal');
    const answer = await answerOf(terminal, 'id -un; pwd; echo $HOME; test -t 0 && echo tty', 'inside.txt');
    assert.equal(answer, 'dev\n/workspace\n/home/dev\ntty\n');
    const seen = await answerOf(terminal, `ls ${homedir()} 2>&1; env`, 'seen.txt');
    assert.ok(!/VSCODE_IPC|ELECTRON_RUN_AS_NODE|HEYO_HOME|HEYVM_NODE/.test(seen), seen);
  });

  it('starts a sandbox that was stopped', async () => {
    await command('heyvm.stop', { sandbox: sandbox.id });
    const terminal = await command<vscode.Terminal>('heyvm.openTerminal', { sandbox: sandbox.id });
    assert.equal(await answerOf(terminal, 'echo again', 'again.txt'), 'again\n');
  });

  it('is offered as a profile, under the name that windows on a worktree use', () => {
    const manifest = vscode.extensions.getExtension('heyvm.heyvm')?.packageJSON as {
      contributes: { terminal: { profiles: { title: string }[] } };
    };
    assert.deepEqual(
      manifest.contributes.terminal.profiles.map(({ title }) => title),
      [PROFILE_TITLE],
    );
  });
});
