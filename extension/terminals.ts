// Terminals inside sandboxes: ordinary terminals whose program is the launcher, so they survive a reload.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../server/protocol/sandbox.ts';
import { launcherProgram } from './program.ts';
import { readSettings } from './settings.ts';
import { titleOf } from './views/describe.ts';

export class Terminals {
  readonly #extensionPath: string;

  constructor(extensionPath: string) {
    this.#extensionPath = extensionPath;
  }

  /** A shell inside. */
  optionsOf(sandbox: SandboxInfo): vscode.TerminalOptions {
    return this.#options({ name: titleOf(sandbox), icon: 'vm', args: ['sh', sandbox.id] });
  }

  open(sandbox: SandboxInfo): vscode.Terminal {
    const terminal = vscode.window.createTerminal(this.optionsOf(sandbox));
    terminal.show();
    return terminal;
  }

  /** The log as it grows. */
  follow(sandbox: SandboxInfo): vscode.Terminal {
    const args = ['logs', '--follow', sandbox.id];
    const terminal = vscode.window.createTerminal(
      this.#options({ name: `${titleOf(sandbox)} log`, icon: 'output', args }),
    );
    terminal.show();
    return terminal;
  }

  #options(what: { name: string; icon: string; args: readonly string[] }): vscode.TerminalOptions {
    const program = launcherProgram(this.#extensionPath, readSettings(), what.args);
    return {
      name: what.name,
      iconPath: new vscode.ThemeIcon(what.icon),
      shellPath: program.file,
      shellArgs: [...program.args],
      cwd: program.cwd,
      env: { ...program.env },
      isTransient: false,
    };
  }
}
