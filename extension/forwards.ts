// Ports of sandboxes that this window brought to this machine; the helper carries them, and a new helper is told again.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../server/protocol/sandbox.ts';
import type { Helper } from './helper.ts';
import type { Sandboxes } from './sandboxes.ts';

export type Forward = {
  readonly sandbox: string;
  /** Inside. */
  readonly port: number;
  /** On 127.0.0.1. */
  readonly host: number;
};

export class Forwards implements vscode.Disposable {
  readonly #helper: Helper;
  readonly #changed = new vscode.EventEmitter<string>();
  readonly #subscriptions: vscode.Disposable[];
  readonly #open = new Map<string, Forward>();

  /** Says the id of the sandbox. */
  readonly onDidChange = this.#changed.event;

  constructor(helper: Helper, sandboxes: Sandboxes) {
    this.#helper = helper;
    this.#subscriptions = [
      helper.onDidChangeState(({ kind }) => {
        if (kind === 'running') for (const forward of this.#open.values()) void this.#again(forward);
      }),
      sandboxes.onDidChange(listing => {
        if (listing.kind !== 'listed') return;
        const ids = new Set<string>(listing.sandboxes.map(({ id }) => id));
        for (const { sandbox, port } of this.#open.values())
          if (!ids.has(sandbox)) void this.close(sandbox, port);
      }),
    ];
  }

  of(sandbox: string): readonly Forward[] {
    return [...this.#open.values()].filter(forward => forward.sandbox === sandbox);
  }

  async open({ id }: Pick<SandboxInfo, 'id'>, port: number): Promise<Forward> {
    const { host } = await this.#helper.call('forward/open', { sandbox: id, port });
    return this.#keep({ sandbox: id, port, host });
  }

  async close(sandbox: string, port: number): Promise<void> {
    this.#open.delete(keyOf({ sandbox, port }));
    this.#changed.fire(sandbox);
    await this.#helper.call('forward/close', { sandbox, port });
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  #keep(forward: Forward): Forward {
    this.#open.set(keyOf(forward), forward);
    this.#changed.fire(forward.sandbox);
    return forward;
  }

  /** At the same number as before, so that what a browser shows goes on working. */
  async #again({ sandbox, port, host: near }: Forward): Promise<void> {
    try {
      const { host } = await this.#helper.call('forward/open', { sandbox, port, near });
      if (host === near) return;
      this.#keep({ sandbox, port, host });
      void vscode.window.showWarningMessage(
        `Port ${near} of this machine is in use now: port ${port} of the sandbox is at 127.0.0.1:${host}.`,
      );
    } catch {
      this.#open.delete(keyOf({ sandbox, port }));
      this.#changed.fire(sandbox);
    }
  }
}

function keyOf({ sandbox, port }: Pick<Forward, 'sandbox' | 'port'>): string {
  return `${sandbox} ${port}`;
}
