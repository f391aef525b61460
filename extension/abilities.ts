// What backends can do, as they tell; asked once, because it does not change while a helper runs.
import * as vscode from 'vscode';
import type { Capabilities } from '../server/protocol/backend.ts';
import type { Helper } from './helper.ts';

export class Abilities implements vscode.Disposable {
  readonly #helper: Helper;
  readonly #known = new Map<string, Capabilities>();
  readonly #changed = new vscode.EventEmitter<void>();
  #asking: Promise<void> | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(helper: Helper) {
    this.#helper = helper;
  }

  /** Undefined until the first answer came, which is asked for here. */
  of(backend: string): Capabilities | undefined {
    this.#asking ??= this.#ask();
    return this.#known.get(backend);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  async #ask(): Promise<void> {
    try {
      const { backends } = await this.#helper.call('backend/list', {});
      for (const { id, capabilities } of backends) this.#known.set(id, capabilities);
      this.#changed.fire();
    } catch {
      // The list of sandboxes fails as well then, and says why; the next look asks again.
      this.#asking = undefined;
    }
  }
}
