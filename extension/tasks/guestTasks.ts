// Tasks of the type `heyvm`: programs inside a sandbox, with the terminal, the exit code and the end of any other task.
import * as vscode from 'vscode';
import { startSandbox } from '../commands/life.ts';
import { TASK_TYPE } from '../names.ts';
import type { Parts } from '../parts.ts';
import { launcherProgram } from '../program.ts';
import { readSettings } from '../settings.ts';
import { titleOf } from '../views/describe.ts';
import { sandboxOfWindow } from '../windowSandbox.ts';
import { type GuestTask, readTask, wordsOf } from './definition.ts';

export class GuestTasks implements vscode.TaskProvider {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A shell in the sandbox of the window; everything else stands in tasks.json. */
  async provideTasks(): Promise<vscode.Task[]> {
    await this.#parts.sandboxes.load();
    const sandbox = sandboxOfWindow(this.#parts.sandboxes.all);
    if (sandbox === undefined) return [];
    const definition = { type: TASK_TYPE, command: ['sh'], sandbox: sandbox.name };
    const asked = { command: definition.command, sandbox: sandbox.name, cwd: undefined };
    return [this.#make(definition, `shell in ${titleOf(sandbox)}`, { asked, sandbox: sandbox.id })];
  }

  /** Called when a person runs it, so that a sandbox that stands still is started now. */
  async resolveTask(task: vscode.Task): Promise<vscode.Task | undefined> {
    const asked = readTask(task.definition);
    try {
      if ('problem' in asked) throw new Error(asked.problem);
      const sandbox = await this.#sandboxOf(asked);
      return this.#make(task.definition, task.name, { asked, sandbox, scope: task.scope });
    } catch (error) {
      this.#parts.reporter.show(`The task ${task.name}`, error);
      return undefined;
    }
  }

  async #sandboxOf({ sandbox }: GuestTask): Promise<string> {
    const { helper, sandboxes } = this.#parts;
    if (sandbox !== undefined) {
      const found = await helper.call('sandbox/get', { sandbox });
      return (await startSandbox(this.#parts, found.sandbox)).id;
    }
    await sandboxes.load();
    const own = sandboxOfWindow(sandboxes.all);
    if (own === undefined) throw new Error('this window has no sandbox: name one as "sandbox"');
    return (await startSandbox(this.#parts, own)).id;
  }

  #make(definition: vscode.TaskDefinition, name: string, { asked, sandbox, scope }: Made): vscode.Task {
    const { extensionPath } = this.#parts.context;
    const { file, args, cwd, env } = launcherProgram(extensionPath, readSettings(), wordsOf(asked, sandbox));
    const execution = new vscode.ProcessExecution(file, [...args], { cwd, env: { ...env } });
    return new vscode.Task(definition, scope ?? vscode.TaskScope.Workspace, name, 'heyvm', execution);
  }
}

type Made = {
  readonly asked: GuestTask;
  readonly sandbox: string;
  readonly scope?: vscode.Task['scope'];
};
