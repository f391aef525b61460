// The one place that shows failures: what failed, what mends it, and buttons that do.
import * as vscode from 'vscode';
import { CallFailure, isCancelled } from './failure.ts';

const SHOW_LOG = 'Show Log';
const OPEN_DOCTOR = 'Open Doctor';
const COPY = 'Copy';

export class Reporter {
  readonly #log: vscode.LogOutputChannel;

  constructor(log: vscode.LogOutputChannel) {
    this.#log = log;
  }

  /** Does not wait for the person; what was cancelled on purpose is not an error. */
  show(what: string, thrown: unknown): void {
    if (isCancelled(thrown)) {
      this.#log.info(`${what}: cancelled`);
      return;
    }
    const text = textOf(what, thrown);
    this.#log.error(
      thrown instanceof Error && !(thrown instanceof CallFailure) ? (thrown.stack ?? text) : text,
    );
    void this.#ask(text);
  }

  async #ask(text: string): Promise<void> {
    const chosen = await vscode.window.showErrorMessage(text, SHOW_LOG, OPEN_DOCTOR, COPY);
    if (chosen === SHOW_LOG) this.#log.show();
    if (chosen === OPEN_DOCTOR) await vscode.commands.executeCommand('heyvm.runDoctor');
    if (chosen === COPY) await vscode.env.clipboard.writeText(text);
  }
}

function textOf(what: string, thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const hint = thrown instanceof CallFailure && thrown.hint !== undefined ? ` Try: ${thrown.hint}.` : '';
  return `${what}: ${message}.${hint}`;
}
