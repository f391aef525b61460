// The programs that are debugged inside: each has a terminal, and a port of this machine at which its debugger is reached.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { TASK_TYPE } from '../names.ts';
import type { Parts } from '../parts.ts';
import { launcherProgram } from '../program.ts';
import { readSettings } from '../settings.ts';
import { Gate } from './gate.ts';
import { handedOver } from './handedOver.ts';
import { programOf, type Run } from './insideLaunch.ts';

export type Debuggee = {
  readonly sandbox: Pick<SandboxInfo, 'id' | 'name'>;
  /** Of the configuration. */
  readonly name: string;
  /** Where the debugger looks for it on this machine. */
  readonly host: number;
  readonly run: Run;
};

const FIRST_PORT = 9229;
/** For a program that is told to end. */
const WITHIN_MS = 10_000;

export class Debuggees {
  readonly #parts: Parts;
  readonly #ends = new Set<Promise<void>>();
  #nextPort = FIRST_PORT;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Answers with what ends it, at whatever moment and however often. */
  begin(debuggee: Debuggee, onFailure: () => void): () => void {
    const begun = this.#begin(debuggee);
    begun.catch((error: unknown) => {
      this.#parts.reporter.show(`Debugging ${debuggee.name}`, error);
      onFailure();
    });
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const end = begun.then(undo => undo()).catch((error: unknown) => this.#parts.log.warn(String(error)));
      this.#ends.add(end);
      void end.then(() => this.#ends.delete(end));
    };
  }

  /** A session that starts again looks at the same port of this machine, which the program before has until it ended. */
  async #begin(debuggee: Debuggee): Promise<() => Promise<void>> {
    await Promise.all(this.#ends);
    const { forwards } = this.#parts;
    const { sandbox, host } = debuggee;
    const port = await this.#freePort(sandbox.id);
    const close = () => forwards.close(sandbox.id, port);
    const forward = await forwards.open(sandbox, port);
    let gate: Gate | undefined;
    try {
      gate = await Gate.open(host, forward.host);
      const task = await started(this.#taskOf(debuggee, port));
      return async () => {
        const closed = gate?.close(WITHIN_MS);
        task.terminate();
        await closed;
        await close();
      };
    } catch (error) {
      await gate?.close(0);
      await close();
      throw error;
    }
  }

  /** Each program has a number of its own, also when several begin at the same time. */
  async #freePort(sandbox: string): Promise<number> {
    const { ports } = await this.#parts.helper.call('sandbox/ports', { sandbox });
    const taken = new Set([...ports, ...this.#parts.forwards.of(sandbox)].map(({ port }) => port));
    while (taken.has(this.#nextPort)) this.#nextPort += 1;
    this.#nextPort += 1;
    return this.#nextPort - 1;
  }

  /** As a task, whose terminal shows what the program says after it ended as well. */
  #taskOf({ sandbox, name, run }: Debuggee, port: number): vscode.Task {
    const { words: variables, env } = handedOver(run.env);
    const command = programOf(run, port);
    const words = ['exec', '--tty', '--cwd', run.cwd, ...variables, sandbox.id, '--', ...command];
    const program = launcherProgram(this.#parts.context.extensionPath, readSettings(), words);
    const task = new vscode.Task(
      { type: TASK_TYPE, command: [...command], sandbox: sandbox.name },
      vscode.TaskScope.Workspace,
      `debug ${name}`,
      'heyvm',
      new vscode.ProcessExecution(program.file, [...program.args], {
        cwd: program.cwd,
        env: { ...env, ...program.env },
      }),
    );
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: false };
    return task;
  }
}

/** With its process: before that the editor forgets that a task is to end. */
async function started(task: vscode.Task): Promise<vscode.TaskExecution> {
  const command = String(task.definition['command']);
  const listening: vscode.Disposable[] = [];
  const begun = new Promise<void>(resolve => {
    const note = ({ execution }: { readonly execution: vscode.TaskExecution }) => {
      if (String(execution.task.definition['command']) === command) resolve();
    };
    listening.push(vscode.tasks.onDidStartTaskProcess(note), vscode.tasks.onDidEndTask(note));
  });
  try {
    const execution = await vscode.tasks.executeTask(task);
    await begun;
    return execution;
  } finally {
    for (const listener of listening) listener.dispose();
  }
}
