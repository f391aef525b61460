// The debugger in a window on a worktree: what it starts runs inside, and what cannot is not started unasked.
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { startSandbox } from '../commands/life.ts';
import { TASK_TYPE } from '../names.ts';
import type { Parts } from '../parts.ts';
import { launcherProgram } from '../program.ts';
import { readSettings } from '../settings.ts';
import { titleOf } from '../views/describe.ts';
import { sandboxOfWindow, windowSandbox } from '../windowSandbox.ts';
import { handedOver } from './handedOver.ts';
import { launchInside, type Run } from './insideLaunch.ts';

/** In the configuration of a session: names what is started for it. */
const KEY = '__heyvmRun';
const FIRST_PORT = 9229;

type Started = {
  readonly sandbox: SandboxInfo;
  readonly name: string;
  readonly port: number;
  readonly run: Run;
};

export class GuestDebug implements vscode.DebugConfigurationProvider, vscode.DebugAdapterTrackerFactory {
  readonly #parts: Parts;
  /** What a configuration says itself is never run, for it comes with the branch. */
  readonly #runs = new Map<string, Started>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  register(): vscode.Disposable {
    return vscode.Disposable.from(
      vscode.debug.registerDebugConfigurationProvider('*', this),
      vscode.debug.registerDebugAdapterTrackerFactory('*', this),
    );
  }

  /** Undefined ends the launch without a word, for the person was told. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    _folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (windowSandbox().kind !== 'worktree') return configuration;
    try {
      return await this.#resolve(configuration);
    } catch (error) {
      this.#parts.reporter.show(`Debugging ${configuration.name}`, error);
      return undefined;
    }
  }

  /** After the task before the launch ran, and before the debugger asks for the program. */
  createDebugAdapterTracker(session: vscode.DebugSession): vscode.DebugAdapterTracker | undefined {
    const started = this.#runs.get(String(session.configuration[KEY]));
    if (started === undefined || session.parentSession !== undefined) return undefined;
    const running = this.#run(started);
    const end = () => void this.#end(started, running);
    return { onWillStopSession: end, onError: end };
  }

  async #resolve(configuration: vscode.DebugConfiguration): Promise<vscode.DebugConfiguration | undefined> {
    const { sandboxes, forwards } = this.#parts;
    await sandboxes.load();
    const own = sandboxOfWindow(sandboxes.all);
    const folder = own?.worktree?.path ?? own?.workspace.path;
    if (own === undefined || folder === undefined) return configuration;
    const wish = launchInside(configuration, { folder, port: FIRST_PORT });
    if (wish.kind === 'attaches') return configuration;
    if (wish.kind === 'outside') return (await agreed(own, wish.why)) ? configuration : undefined;
    const sandbox = await startSandbox(this.#parts, own);
    const port = await this.#freePort(sandbox);
    const launch = launchInside(configuration, { folder, port });
    if (launch.kind !== 'inside') return undefined;
    const { host } = await forwards.open(sandbox, port);
    const id = randomUUID();
    this.#runs.set(id, { sandbox, name: configuration.name, port, run: launch.run });
    return { ...configurationOf(launch.attach), port: host, [KEY]: id };
  }

  async #freePort({ id }: SandboxInfo): Promise<number> {
    const { ports } = await this.#parts.helper.call('sandbox/ports', { sandbox: id });
    const forwarded = this.#parts.forwards.of(id);
    const taken = new Set([...ports, ...forwarded].map(({ port }) => port));
    let port = FIRST_PORT;
    while (taken.has(port)) port += 1;
    return port;
  }

  /** As a task, whose terminal shows what the program says after it ended as well. */
  async #run({ sandbox, name, run }: Started): Promise<vscode.TaskExecution> {
    const { words: variables, env } = handedOver(run.env);
    const words = ['exec', '--tty', '--cwd', run.cwd, ...variables, sandbox.id, '--', ...run.program];
    const program = launcherProgram(this.#parts.context.extensionPath, readSettings(), words);
    const task = new vscode.Task(
      { type: TASK_TYPE, command: [...run.program], sandbox: sandbox.name },
      vscode.TaskScope.Workspace,
      `debug ${name}`,
      'heyvm',
      new vscode.ProcessExecution(program.file, [...program.args], {
        cwd: program.cwd,
        env: { ...env, ...program.env },
      }),
    );
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: false };
    return await vscode.tasks.executeTask(task);
  }

  async #end({ sandbox, port }: Started, running: Promise<vscode.TaskExecution>): Promise<void> {
    try {
      (await running).terminate();
      await this.#parts.forwards.close(sandbox.id, port);
    } catch (error) {
      this.#parts.log.warn(`the end of a debugged program: ${String(error)}`);
    }
  }
}

function configurationOf(attach: Readonly<Record<string, unknown>>): vscode.DebugConfiguration {
  const { type, name } = attach;
  return { ...attach, type: String(type), name: String(name), request: 'attach' };
}

/** What the Enter key does is the first answer, which runs nothing on this machine. */
async function agreed(sandbox: SandboxInfo, why: string): Promise<boolean> {
  const inside = 'Open Terminal Inside';
  const here = 'Run on This Machine';
  const detail = `The program would run outside of the sandbox, with everything that you can do: ${why}. Instead, start it in a terminal inside, forward the port that its debugger listens on, and attach there.`;
  const question = `Debug on this machine instead of inside ${titleOf(sandbox)}?`;
  const answer = await vscode.window.showWarningMessage(question, { modal: true, detail }, inside, here);
  if (answer === inside) await vscode.commands.executeCommand('heyvm.openTerminal', { sandbox: sandbox.id });
  return answer === here;
}
