// Tasks of the type `heyvm` run inside, tell how they ended, and end when they are told to.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { TASK_TYPE } from '../../../extension/names.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvm, heyvmOk, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('a task inside', () => {
  let repository: Repository;
  let sandbox: SandboxInfo;
  let folder: string;

  before(async () => {
    await product();
    repository = makeRepository('feature/tasks');
    const argument = { repository: repository.path, branch: 'feature/tasks', open: 'none' };
    ({ sandbox } = await command<{ sandbox: SandboxInfo }>('heyvm.openBranch', argument));
    folder = join(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '', '.vscode');
    mkdirSync(folder, { recursive: true });
    const line = (label: string, command: string) => ({
      label,
      type: TASK_TYPE,
      command,
      sandbox: sandbox.name,
    });
    const tasks = [
      line('inside', 'test -t 0 && test -t 1 && tty=tty; (id -un; pwd; echo $tty) > said.txt; exit 7'),
      { ...line('long', 'echo $$ > pid.new; mv pid.new pid.txt; exec sleep 600'), cwd: '/workspace' },
      { label: 'plain', type: TASK_TYPE, command: ['touch', '/workspace/$HOME; x'], sandbox: sandbox.id },
    ];
    writeFileSync(join(folder, 'tasks.json'), JSON.stringify({ version: '2.0.0', tasks }));
  });

  after(async () => {
    for (const { task, terminate } of vscode.tasks.taskExecutions)
      if (task.definition.type === TASK_TYPE) terminate();
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await removeAll();
    repository.remove();
  });

  const inWorktree = (name: string) => join(sandbox.worktree?.path ?? '', name);

  /** As a person runs it, from tasks.json. */
  async function begin(label: string): Promise<{ ended: Promise<number | undefined> }> {
    const ended = new Promise<number | undefined>(resolve => {
      const listening = vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
        if (execution.task.name !== label) return;
        listening.dispose();
        resolve(exitCode);
      });
    });
    // A window reads a file of tasks some time after it was written, and asks the person about one that it lacks.
    await eventually(
      async () => (await vscode.tasks.fetchTasks({ type: TASK_TYPE })).some(({ name }) => name === label),
      { what: `the task ${label} to be read`, withinMs: 60_000 },
    );
    await vscode.commands.executeCommand('workbench.action.tasks.runTask', label);
    return { ended };
  }

  it('runs in the guest with a terminal and tells the exit code', async () => {
    const { ended } = await begin('inside');
    assert.equal(await ended, 7);
    assert.equal(readFileSync(inWorktree('said.txt'), 'utf8'), 'dev\n/workspace\ntty\n');
  });

  it('hands a program its arguments as they are', async () => {
    const { ended } = await begin('plain');
    assert.equal(await ended, 0);
    assert.ok(existsSync(inWorktree('$HOME; x')));
  });

  it('starts a sandbox that stands still', async () => {
    await heyvmOk('stop', sandbox.id);
    const { ended } = await begin('plain');
    assert.equal(await ended, 0);
  });

  it('ends inside when it is cancelled', async () => {
    const { ended } = await begin('long');
    await eventually(() => existsSync(inWorktree('pid.txt')), { what: 'the task to run', withinMs: 60_000 });
    const pid = readFileSync(inWorktree('pid.txt'), 'utf8').trim();
    assert.equal((await heyvm('exec', sandbox.id, '--', 'kill', '-0', pid)).code, 0);
    const running = await eventually(
      () => vscode.tasks.taskExecutions.find(({ task }) => task.name === 'long'),
      { what: 'the editor to hear of the task' },
    );
    running.terminate();
    await ended;
    await eventually(async () => (await heyvm('exec', sandbox.id, '--', 'kill', '-0', pid)).code !== 0, {
      what: 'the end of the program inside',
    });
  });
});
