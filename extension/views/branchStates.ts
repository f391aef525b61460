// How far branches have come, counted in their guests when the view shows them and kept until something changes.
import * as vscode from 'vscode';
import type { BranchSummary } from '../../server/protocol/reviewMethods.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { isCancelled } from '../failure.ts';
import type { Helper } from '../helper.ts';

/** In one call; the next one waits for its answer. */
const AT_ONCE = 20;
/** Each count runs git a few times, so that a view of very many shows those that run and leaves the rest. */
const MOST = 100;

export class BranchStates implements vscode.Disposable {
  readonly #helper: Helper;
  readonly #changed = new vscode.EventEmitter<readonly string[] | undefined>();
  readonly #known = new Map<string, BranchSummary>();
  /** In which state each sandbox was when it was counted; what is shown stays until it was counted again. */
  readonly #counted = new Map<string, string>();
  readonly #wanted = new Set<string>();
  #counting = false;

  /** Says whose counts are others now; undefined when all of them have to be asked for again. */
  readonly onDidChange = this.#changed.event;

  constructor(helper: Helper) {
    this.#helper = helper;
  }

  of(sandbox: string): BranchSummary | undefined {
    return this.#known.get(sandbox);
  }

  /** Counted again when they are shown next. */
  forget(): void {
    this.#counted.clear();
  }

  /** For a person who wants everything looked at anew. */
  refresh(): void {
    this.forget();
    this.#changed.fire(undefined);
  }

  want(sandboxes: readonly SandboxInfo[]): void {
    const branches = sandboxes.filter(
      sandbox => sandbox.worktree !== undefined && this.#counted.get(sandbox.id) !== stateOf(sandbox),
    );
    const first = branches.filter(({ status }) => status === 'running');
    const rest = branches.filter(({ status }) => status !== 'running');
    for (const sandbox of [...first, ...rest].slice(0, MOST)) {
      this.#counted.set(sandbox.id, stateOf(sandbox));
      this.#wanted.add(sandbox.id);
    }
    if (!this.#counting && this.#wanted.size > 0) void this.#count();
  }

  dispose(): void {
    this.#changed.dispose();
    this.#wanted.clear();
  }

  async #count(): Promise<void> {
    this.#counting = true;
    try {
      while (this.#wanted.size > 0) {
        const sandboxes = [...this.#wanted].slice(0, AT_ONCE);
        for (const id of sandboxes) this.#wanted.delete(id);
        const { summaries } = await this.#helper.call('worktree/summaries', { sandboxes });
        this.#keep(summaries);
      }
    } catch (error) {
      // A badge that is missing is no reason to disturb; whatever is broken shows where it is used.
      if (!isCancelled(error)) this.#wanted.clear();
      this.#counted.clear();
    } finally {
      this.#counting = false;
    }
  }

  #keep(summaries: readonly BranchSummary[]): void {
    const others = summaries.filter(
      summary => JSON.stringify(summary) !== JSON.stringify(this.#known.get(summary.sandbox)),
    );
    for (const summary of others) this.#known.set(summary.sandbox, summary);
    if (others.length > 0) this.#changed.fire(others.map(({ sandbox }) => sandbox));
  }
}

/** Another sandbox's change is no reason to count this one again. */
function stateOf({ status, owner }: SandboxInfo): string {
  return `${status} ${owner?.pid ?? ''} ${owner?.started_at ?? ''}`;
}
