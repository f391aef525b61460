// What running sandboxes use, asked for while somebody looks at them and not otherwise.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Helper } from '../helper.ts';

export type Load = {
  /** Of one processor; absent until it was asked for twice. */
  readonly percent?: number;
  readonly bytes?: number;
};

/** In one call; a view of more is gone through in turns. */
export const AT_ONCE = 20;
/** After an answer; a slow machine is asked less often. */
const PAUSE_MS = 10_000;

type Sample = { readonly at: number; readonly cpuMs: number };

export class Usages implements vscode.Disposable {
  readonly #helper: Pick<Helper, 'call'>;
  readonly #pauseMs: number;
  readonly #changed = new vscode.EventEmitter<readonly string[]>();
  readonly #loads = new Map<string, Load>();
  readonly #samples = new Map<string, Sample>();
  /** In the order in which they are asked for. */
  #queue: readonly string[] = [];
  #isVisible = false;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;

  /** Says whose use is another one now. */
  readonly onDidChange = this.#changed.event;

  constructor(helper: Pick<Helper, 'call'>, pauseMs = PAUSE_MS) {
    this.#helper = helper;
    this.#pauseMs = pauseMs;
  }

  of(sandbox: string): Load | undefined {
    return this.#loads.get(sandbox);
  }

  /** All that are shown now; what is gone or stopped is forgotten. */
  want(sandboxes: readonly SandboxInfo[]): void {
    const ids = sandboxes.filter(({ status }) => status === 'running').map(({ id }) => id as string);
    const wanted = new Set(ids);
    this.#queue = [
      ...this.#queue.filter(id => wanted.has(id)),
      ...ids.filter(id => !this.#queue.includes(id)),
    ];
    for (const id of [...this.#loads.keys(), ...this.#samples.keys()]) {
      if (wanted.has(id)) continue;
      this.#loads.delete(id);
      this.#samples.delete(id);
    }
    void this.#ask();
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#ask();
  }

  dispose(): void {
    this.setVisible(false);
    this.#changed.dispose();
  }

  /** One call at a time, and the next one some time after its answer. */
  async #ask(): Promise<void> {
    if (!this.#isVisible || this.#isAsking || this.#timer !== undefined || this.#queue.length === 0) return;
    this.#isAsking = true;
    const sandboxes = this.#queue.slice(0, AT_ONCE);
    this.#queue = [...this.#queue.slice(AT_ONCE), ...sandboxes];
    try {
      const { usages } = await this.#helper.call('sandbox/usage', { sandboxes });
      const at = performance.now();
      const changed = usages.filter(({ sandbox, cpu_ms, memory_bytes }) =>
        this.#keep(sandbox, { at, cpuMs: cpu_ms, bytes: memory_bytes }),
      );
      if (changed.length > 0) this.#changed.fire(changed.map(({ sandbox }) => sandbox));
    } catch {
      // A number that is missing is no reason to disturb; whatever is broken shows where it is used.
    }
    this.#isAsking = false;
    if (!this.#isVisible) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#ask();
    }, this.#pauseMs);
  }

  /** True when another number is shown than before. */
  #keep(
    id: string,
    { at, cpuMs, bytes }: { at: number; cpuMs?: number | undefined; bytes?: number | undefined },
  ) {
    // It may have left the view while it was asked for.
    if (!this.#queue.includes(id)) return false;
    const before = this.#samples.get(id);
    if (cpuMs !== undefined) this.#samples.set(id, { at, cpuMs });
    const percent =
      before === undefined || cpuMs === undefined || at <= before.at
        ? undefined
        : Math.max(0, Math.round((100 * (cpuMs - before.cpuMs)) / (at - before.at)));
    const load = { ...(percent === undefined ? {} : { percent }), ...(bytes === undefined ? {} : { bytes }) };
    const isOther = JSON.stringify(load) !== JSON.stringify(this.#loads.get(id) ?? {});
    this.#loads.set(id, load);
    return isOther;
  }
}
