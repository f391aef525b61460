// The sandboxes as this window last heard of them; listed again whenever the helper says that something changed.
import * as vscode from 'vscode';
import type { Problem } from '../server/protocol/doctor.ts';
import type { SandboxInfo } from '../server/protocol/sandbox.ts';
import { isCancelled } from './failure.ts';
import type { Helper } from './helper.ts';

export type Listing =
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'listed';
      readonly sandboxes: readonly SandboxInfo[];
      readonly problems: readonly Problem[];
    }
  | { readonly kind: 'failed'; readonly error: unknown };

export class Sandboxes implements vscode.Disposable {
  readonly #helper: Helper;
  readonly #changed = new vscode.EventEmitter<Listing>();
  readonly #subscriptions: vscode.Disposable[];
  #listing: Listing = { kind: 'unknown' };
  #running: Promise<Listing> | undefined;
  #isStale = false;

  readonly onDidChange = this.#changed.event;

  constructor(helper: Helper) {
    this.#helper = helper;
    const refresh = () => void this.refresh();
    this.#subscriptions = [
      helper.onDidChangeSandbox(refresh),
      // What happened while the helper was away was not pushed.
      helper.onDidChangeState(state => {
        if (state.kind === 'running' && this.#listing.kind !== 'unknown') refresh();
      }),
    ];
  }

  get listing(): Listing {
    return this.#listing;
  }

  get all(): readonly SandboxInfo[] {
    return this.#listing.kind === 'listed' ? this.#listing.sandboxes : [];
  }

  /** The known list, or the first one. */
  load(): Promise<Listing> {
    return this.#listing.kind === 'listed' ? Promise.resolve(this.#listing) : this.refresh();
  }

  /** Changes that arrive during a listing lead to exactly one more. */
  refresh(): Promise<Listing> {
    this.#isStale = true;
    this.#running ??= this.#list().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  async #list(): Promise<Listing> {
    while (this.#isStale) {
      this.#isStale = false;
      await this.#listOnce();
    }
    return this.#listing;
  }

  async #listOnce(): Promise<void> {
    try {
      const answer = await this.#helper.call('sandbox/list', {});
      this.#set({ kind: 'listed', ...answer });
    } catch (error) {
      if (!isCancelled(error)) this.#set({ kind: 'failed', error });
    }
  }

  #set(listing: Listing): void {
    if (JSON.stringify(listing) === JSON.stringify(this.#listing)) return;
    this.#listing = listing;
    this.#changed.fire(listing);
  }
}
