// Opens links from outside. Anybody can make one and have it followed, so the person is always asked.
import * as vscode from 'vscode';
import { readLink } from './link.ts';
import type { Reporter } from './report.ts';

const OPEN = 'Open in Sandbox';

export class Links implements vscode.UriHandler {
  readonly #reporter: Pick<Reporter, 'show'>;

  constructor(reporter: Pick<Reporter, 'show'>) {
    this.#reporter = reporter;
  }

  async handleUri({ path, query }: vscode.Uri): Promise<void> {
    try {
      const link = readLink(path, query);
      const detail = `A link asks for branch ${link.branch} of ${link.repository}. The branch and a worktree are made when they are missing, and a sandbox is started. Git on this machine follows the settings of that repository, so open only one that you trust.`;
      const question = 'Open this branch in a sandbox?';
      const answer = await vscode.window.showWarningMessage(question, { modal: true, detail }, OPEN);
      if (answer === OPEN) await vscode.commands.executeCommand('heyvm.openBranch', link);
    } catch (error) {
      this.#reporter.show('Opening a link', error);
    }
  }
}
