// The terminal profile: a terminal in the sandbox of this window, or in one that the person chooses.
import * as vscode from 'vscode';
import { startSandbox } from './commands/life.ts';
import type { Parts } from './parts.ts';
import { pickSandbox } from './prompts/pickSandbox.ts';
import { sandboxOfWindow } from './windowSandbox.ts';

export class GuestProfile implements vscode.TerminalProfileProvider {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async provideTerminalProfile(): Promise<vscode.TerminalProfile | undefined> {
    const { sandboxes, terminals, reporter } = this.#parts;
    try {
      await sandboxes.load();
      const chosen =
        sandboxOfWindow(sandboxes.all) ??
        (await pickSandbox(sandboxes, { placeholder: 'The sandbox to open a terminal in' }));
      if (chosen === undefined) return undefined;
      return new vscode.TerminalProfile(terminals.optionsOf(await startSandbox(this.#parts, chosen)));
    } catch (error) {
      reporter.show('Opening a terminal in a sandbox', error);
      return undefined;
    }
  }
}
