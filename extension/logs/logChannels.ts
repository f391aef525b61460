// Logs of sandboxes as log channels with levels, one for each who speaks, which grow while they are open.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Helper } from '../helper.ts';
import type { Sandboxes } from '../sandboxes.ts';
import { lineOf, type Source, unseen } from './lines.ts';

const LINES = 2_000;

type Needed = { readonly helper: Pick<Helper, 'call'>; readonly sandboxes: Sandboxes };

export class LogChannels implements vscode.Disposable {
  readonly #needed: Needed;
  readonly #open = new Map<string, SandboxLog>();
  readonly #listening: vscode.Disposable;

  constructor(needed: Needed) {
    this.#needed = needed;
    this.#listening = needed.sandboxes.onDidChange(listing => {
      if (listing.kind !== 'listed') return;
      const ids = new Set<string>(listing.sandboxes.map(({ id }) => id));
      for (const [id, log] of this.#open) {
        // What was written before the system began to watch the file is not missed for long.
        if (ids.has(id)) log.refresh();
        else {
          log.dispose();
          this.#open.delete(id);
        }
      }
    });
  }

  /** Shows what the owner said; answers the names of the channels. */
  async show(sandbox: SandboxInfo): Promise<readonly string[]> {
    const log = this.#open.get(sandbox.id) ?? new SandboxLog(this.#needed.helper, sandbox);
    this.#open.set(sandbox.id, log);
    await log.read();
    return log.show();
  }

  dispose(): void {
    this.#listening.dispose();
    for (const log of this.#open.values()) log.dispose();
    this.#open.clear();
  }
}

class SandboxLog implements vscode.Disposable {
  readonly #helper: Needed['helper'];
  readonly #sandbox: SandboxInfo;
  readonly #channels = new Map<Source, vscode.LogOutputChannel>();
  #watcher: vscode.FileSystemWatcher | undefined;
  #last: string | undefined;
  #reading: Promise<void> | undefined;
  #isStale = false;
  #isOver = false;

  constructor(helper: Needed['helper'], sandbox: SandboxInfo) {
    this.#helper = helper;
    this.#sandbox = sandbox;
  }

  /** What is written during a reading leads to exactly one more. */
  read(): Promise<void> {
    this.#isStale = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Without anybody who waits: a helper that is away is back with the next change. */
  refresh(): void {
    this.read().catch(() => undefined);
  }

  show(): readonly string[] {
    this.#channel('owner').show(true);
    return [...this.#channels.values()].map(({ name }) => name);
  }

  dispose(): void {
    this.#isOver = true;
    this.#watcher?.dispose();
    for (const channel of this.#channels.values()) channel.dispose();
  }

  async #readAll(): Promise<void> {
    while (this.#isStale && !this.#isOver) {
      this.#isStale = false;
      const { path, text } = await this.#helper.call('sandbox/log', {
        sandbox: this.#sandbox.id,
        lines: LINES,
      });
      if (this.#isOver) return;
      this.#watch(path);
      const lines = text.split('\n').filter(line => line !== '');
      for (const raw of unseen(lines, this.#last)) this.#say(raw);
      this.#last = lines.at(-1) ?? this.#last;
    }
  }

  #say(raw: string): void {
    const line = lineOf(raw);
    if (line !== undefined) this.#channel(line.source)[line.level](line.text);
  }

  #channel(source: Source): vscode.LogOutputChannel {
    const known = this.#channels.get(source);
    if (known !== undefined) return known;
    const made = vscode.window.createOutputChannel(`heyvm ${this.#sandbox.name} ${source}`, { log: true });
    this.#channels.set(source, made);
    return made;
  }

  /** The system tells when the file grows; nothing is asked by the clock. */
  #watch(path: string): void {
    if (this.#watcher !== undefined) return;
    const file = vscode.Uri.file(path);
    const pattern = new vscode.RelativePattern(vscode.Uri.joinPath(file, '..'), 'owner.log');
    this.#watcher = vscode.workspace.createFileSystemWatcher(pattern);
    this.#watcher.onDidChange(() => this.refresh());
    this.#watcher.onDidCreate(() => this.refresh());
  }
}
