// The doctor's page in the editor: looks when it is opened and when it is asked to, and does what its buttons say.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Check } from '../../server/protocol/doctor.ts';
import { parse } from '../../server/protocol/parse.ts';
import type { Parts } from '../parts.ts';
import { launcherProgram } from '../program.ts';
import { readSettings } from '../settings.ts';
import { editorFindings } from './editorFindings.ts';
import { type Act, type Finding, type Findings, findingsOf } from './findings.ts';
import { documentOf } from './html.ts';
import { Page, Said } from './view/message.ts';

const TITLE = 'heyvm: Doctor';
const nothing = findingsOf([]);

let shown: DoctorPage | undefined;

/** One page for a window, which looks anew when it is asked for again. */
export function openDoctor(parts: Parts): Promise<readonly Check[]> {
  shown ??= new DoctorPage(parts, () => {
    shown = undefined;
  });
  return shown.open();
}

export async function lookAtAll(
  { helper }: Pick<Parts, 'helper'>,
  options: Parameters<Parts['helper']['call']>[2] = {},
): Promise<readonly Finding[]> {
  const { checks } = await helper.call('doctor/run', {}, options);
  return [...checks, ...editorFindings()];
}

class DoctorPage {
  readonly #parts: Parts;
  readonly #panel: vscode.WebviewPanel;
  readonly #listening: readonly vscode.Disposable[];
  #findings: Findings = nothing;
  #looking: string | undefined;
  #cancel = new AbortController();

  constructor(parts: Parts, closed: () => void) {
    this.#parts = parts;
    const folder = vscode.Uri.joinPath(parts.context.extensionUri, 'dist', 'webview');
    this.#panel = vscode.window.createWebviewPanel('heyvm.doctor', TITLE, vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: [folder],
    });
    const { webview } = this.#panel;
    const addressOf = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(folder, name)).toString();
    this.#listening = [
      webview.onDidReceiveMessage((said: unknown) => this.#hear(said)),
      vscode.tasks.onDidEndTask(({ execution }) => execution.task.source === TITLE && void this.look()),
      this.#panel.onDidDispose(() => {
        this.#cancel.abort();
        for (const listening of this.#listening) listening.dispose();
        closed();
      }),
    ];
    webview.html = documentOf({
      script: addressOf('doctor.js'),
      style: addressOf('doctor.css'),
      nonce: randomBytes(18).toString('base64url'),
    });
  }

  open(): Promise<readonly Check[]> {
    this.#panel.reveal();
    return this.look();
  }

  /** A look that is begun anew ends the one before. */
  async look(): Promise<readonly Check[]> {
    this.#cancel.abort();
    const cancel = new AbortController();
    this.#cancel = cancel;
    this.#tell('the programs of heyvm');
    let found: readonly Finding[];
    try {
      found = await lookAtAll(this.#parts, {
        signal: cancel.signal,
        progress: ({ detail, phase }) => cancel.signal.aborted || this.#tell(detail ?? phase),
      });
    } catch (error) {
      if (cancel.signal.aborted) return [];
      found = [failure(error)];
    }
    if (cancel.signal.aborted) return found;
    this.#findings = findingsOf(found);
    this.#tell(undefined);
    return found;
  }

  #tell(looking: string | undefined): void {
    this.#looking = looking;
    this.#show();
  }

  #show(): void {
    const page = {
      ...this.#findings.page,
      ...(this.#looking === undefined ? {} : { looking: this.#looking }),
    };
    const parsed = parse(Page, page);
    if (!parsed.ok) throw new Error(`the doctor's page cannot be shown: ${parsed.problem}`);
    void this.#panel.webview.postMessage(parsed.value);
  }

  #hear(message: unknown): void {
    const parsed = parse(Said, message);
    if (!parsed.ok) {
      this.#parts.log.warn(`the doctor's page said something else: ${parsed.problem}`);
      return;
    }
    const said = parsed.value;
    this.#answer(said).catch((error: unknown) => this.#parts.reporter.show('Doctor', error));
  }

  async #answer(said: Said): Promise<void> {
    if (said.kind === 'ready') return this.#show();
    if (said.kind === 'look') return void (await this.look());
    if (said.kind === 'copy') {
      const fix = this.#findings.fix(said.row);
      if (fix === undefined) return;
      await vscode.env.clipboard.writeText(fix);
      vscode.window.setStatusBarMessage(`$(check) Copied: ${fix}`, 4_000);
      return;
    }
    const act = this.#findings.act(said.row, said.mend);
    if (act === undefined) return;
    await perform(this.#parts, act);
    // The task of a terminal ends later, and is waited for there.
    if (act.kind !== 'terminal' && act.kind !== 'file') await this.look();
  }
}

async function perform(parts: Parts, act: Act): Promise<void> {
  switch (act.kind) {
    case 'command':
      await vscode.commands.executeCommand(act.command);
      return;
    case 'terminal':
      await runInTerminal(parts, act.words);
      return;
    case 'setting':
      await change(act.name, act.value);
      return;
    case 'file':
      await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(act.path));
  }
}

/** Where it was chosen it is changed. */
async function change(name: string, value: unknown): Promise<void> {
  const configuration = vscode.workspace.getConfiguration();
  const inWorkspace = configuration.inspect(name)?.workspaceValue !== undefined;
  const { Global, Workspace } = vscode.ConfigurationTarget;
  await configuration.update(name, value, inWorkspace ? Workspace : Global);
}

/** As a task, whose terminal stays until it was read. */
async function runInTerminal({ context }: Parts, words: readonly string[]): Promise<void> {
  const { file, args, cwd, env } = launcherProgram(context.extensionPath, readSettings(), words);
  const execution = new vscode.ProcessExecution(file, [...args], { cwd, env: { ...env } });
  const name = `heyvm ${words.join(' ')}`;
  const task = new vscode.Task({ type: 'process' }, vscode.TaskScope.Global, name, TITLE, execution, []);
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: true, clear: true };
  await vscode.tasks.executeTask(task);
}

function failure(error: unknown): Finding {
  const detail = error instanceof Error ? error.message : String(error);
  const mends = [
    { label: 'Restart Helper', act: { kind: 'command', command: 'heyvm.restartHelper' } as const },
  ];
  return { id: 'doctor', title: 'The doctor could not look', state: 'error', detail, mends };
}
