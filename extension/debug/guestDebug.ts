// The debugger in a window on a worktree: what it starts runs inside, and what cannot is not started unasked.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { startSandbox } from '../commands/life.ts';
import type { Parts } from '../parts.ts';
import { titleOf } from '../views/describe.ts';
import { sandboxOfWindow, windowSandbox } from '../windowSandbox.ts';
import { type Debuggee, Debuggees } from './debuggees.ts';
import { freePort } from './gate.ts';
import { launchInside } from './insideLaunch.ts';
import { Vouched } from './vouched.ts';

/** In the configuration of a session: what is started for it. */
const KEY = '__heyvmRun';

/** Nothing is begun and nothing is held before the adapter of a session starts, for many a launch ends before. */
export class GuestDebug implements vscode.DebugConfigurationProvider, vscode.DebugAdapterTrackerFactory {
  readonly #parts: Parts;
  readonly #debuggees: Debuggees;
  readonly #vouched = new Vouched<Debuggee>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#debuggees = new Debuggees(parts);
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

  /** After the task before the launch ran, and anew for a session that is started again. */
  createDebugAdapterTracker(session: vscode.DebugSession): vscode.DebugAdapterTracker | undefined {
    const debuggee = this.#vouched.open(session.configuration[KEY]);
    if (debuggee === undefined || session.parentSession !== undefined) return undefined;
    let end = () => {};
    return {
      onWillStartSession: () => {
        end = this.#debuggees.begin(debuggee, () => void vscode.debug.stopDebugging(session));
      },
      onWillReceiveMessage: message => {
        if (isLeaving(message)) end();
      },
      onDidSendMessage: restartByTheEditor,
      onWillStopSession: () => end(),
      onError: () => end(),
      onExit: () => end(),
    };
  }

  async #resolve(configuration: vscode.DebugConfiguration): Promise<vscode.DebugConfiguration | undefined> {
    const { sandboxes } = this.#parts;
    await sandboxes.load();
    const own = sandboxOfWindow(sandboxes.all);
    const folder = own?.worktree?.path ?? own?.workspace.path;
    if (own === undefined || folder === undefined) return configuration;
    const launch = launchInside(configuration, folder);
    if (launch.kind === 'attaches') return configuration;
    if (launch.kind === 'outside') return (await agreed(own, launch.why)) ? configuration : undefined;
    const { id, name } = await startSandbox(this.#parts, own);
    const host = await freePort();
    const run = { sandbox: { id, name }, name: configuration.name, host, run: launch.run };
    return { ...configurationOf(launch.attach), port: host, [KEY]: this.#vouched.seal(run) };
  }
}

/** The adapter hears of it afterwards. */
function isLeaving(message: unknown): boolean {
  if (typeof message !== 'object' || message === null || !('command' in message)) return false;
  return message.command === 'disconnect' || message.command === 'terminate';
}

/**
 * The adapter of an attach starts again by attaching again, to the program that runs; when it says that it cannot, the editor
 * ends the session and begins it anew, with another program.
 */
function restartByTheEditor(message: unknown): void {
  if (typeof message !== 'object' || message === null || !('command' in message) || !('body' in message))
    return;
  if (message.command === 'initialize' && typeof message.body === 'object' && message.body !== null)
    Object.assign(message.body, { supportsRestartRequest: false });
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
