// Ports of sandboxes that this window brought to this machine; the helper carries them, and a new helper is told again.
import * as vscode from 'vscode';
import type { SandboxInfo, SandboxStatus } from '../server/protocol/sandbox.ts';
import type { Helper } from './helper.ts';
import type { Sandboxes } from './sandboxes.ts';

export type Forward = {
  readonly sandbox: string;
  /** Inside. */
  readonly port: number;
  /** On 127.0.0.1. */
  readonly host: number;
  /** What is asked for there when it is the page of the editor; that one ends when its sandbox stops. */
  readonly page?: Readonly<Record<string, string>>;
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
        const states = new Map<string, SandboxStatus>(
          listing.sandboxes.map(({ id, status }) => [id, status]),
        );
        for (const forward of this.#open.values())
          if (isOver(forward, states.get(forward.sandbox))) void this.close(forward.sandbox, forward.port);
      }),
    ];
  }

  of(sandbox: string): readonly Forward[] {
    return [...this.#open.values()].filter(forward => forward.sandbox === sandbox);
  }

  async open({ id }: Pick<SandboxInfo, 'id'>, port: number, page?: Forward['page']): Promise<Forward> {
    const { host } = await this.#helper.call('forward/open', { sandbox: id, port });
    const known = page ?? this.#open.get(keyOf({ sandbox: id, port }))?.page;
    return this.#keep({ sandbox: id, port, host, ...(known === undefined ? {} : { page: known }) });
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
  async #again(forward: Forward): Promise<void> {
    const { sandbox, port, host: near } = forward;
    try {
      const { host } = await this.#helper.call('forward/open', { sandbox, port, near });
      if (host === near) return;
      this.#keep({ ...forward, host });
      void vscode.window.showWarningMessage(
        `Port ${near} of this machine is in use now: port ${port} of the sandbox is at 127.0.0.1:${host}.`,
      );
    } catch {
      this.#open.delete(keyOf({ sandbox, port }));
      this.#changed.fire(sandbox);
    }
  }
}

function isOver({ page }: Forward, status: SandboxStatus | undefined): boolean {
  if (status === undefined) return true;
  return page !== undefined && (status === 'stopping' || status === 'stopped' || status === 'failed');
}

function keyOf({ sandbox, port }: Pick<Forward, 'sandbox' | 'port'>): string {
  return `${sandbox} ${port}`;
}
