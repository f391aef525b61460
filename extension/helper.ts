// Keeps one helper process alive for this window: starts it at the first call, restarts it, and gives up in time.
import * as vscode from 'vscode';
import type { Call, CallOptions, Params, Result } from '../server/protocol/contract.ts';
import type { HelperContract } from '../server/protocol/helper.ts';
import { CallFailure, cancelled } from './failure.ts';
import type { Answer, HelperConnection } from './helperClient.ts';
import type { Program } from './program.ts';
import { planRestart } from './restartPolicy.ts';

export type HelperState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly pid: number }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'given-up'; readonly reason: string };

export type HelperOptions = {
  readonly log: vscode.LogOutputChannel;
  readonly build: string;
  readonly program: () => Program;
};

type Method = keyof HelperContract & string;

/** Calls that only read are asked again when the helper ended under them. */
const repeatable: ReadonlySet<Method> = new Set<Method>([
  'sandbox/list',
  'sandbox/get',
  'sandbox/log',
  'sandbox/ports',
  'sandbox/usage',
  'files/stat',
  'files/list',
  'files/read',
  'agent/describe',
  'worktree/branches',
  'worktree/list',
  'worktree/diff',
  'worktree/changes',
  'worktree/commits',
  'worktree/content',
  'worktree/summaries',
  'backend/list',
  'doctor/run',
  'ssh/status',
]);
const MOST_TRIES = 3;

export class Helper implements vscode.Disposable {
  readonly #options: HelperOptions;
  readonly #stateChanged = new vscode.EventEmitter<HelperState>();
  readonly #sandboxChanged = new vscode.EventEmitter<void>();
  #state: HelperState = { kind: 'idle' };
  #connection: Promise<HelperConnection> | undefined;
  #ends: number[] = [];
  #disposed = false;

  readonly onDidChangeState = this.#stateChanged.event;
  readonly onDidChangeSandbox = this.#sandboxChanged.event;

  constructor(options: HelperOptions) {
    this.#options = options;
  }

  get state(): HelperState {
    return this.#state;
  }

  readonly call: Call<HelperContract, AbortSignal> = async (method, params, options) => {
    const answer = await this.#ask(method, params, options);
    return answer as Result<HelperContract, typeof method>;
  };

  /** For what the editor asks it by itself, which nobody calls. */
  async wake(): Promise<void> {
    await this.#connect();
  }

  /** Forgets how often it ended; the way out of having given up. */
  async restart(): Promise<void> {
    this.#ends = [];
    this.#enter({ kind: 'idle' });
    const old = this.#connection;
    this.#connection = undefined;
    await old?.then(
      connection => connection.stop(),
      () => undefined,
    );
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#disposed = true;
    await this.#connection?.then(
      connection => connection.stop(),
      () => undefined,
    );
  }

  dispose(): void {
    void this.stop();
    this.#stateChanged.dispose();
    this.#sandboxChanged.dispose();
  }

  async #ask(
    method: Method,
    params: Params<HelperContract, Method>,
    options?: CallOptions<AbortSignal>,
  ): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      const connection = await this.#connect();
      if (options?.signal?.aborted === true) throw cancelled();
      const answer = await connection.call(method, params, options);
      if (answer.kind === 'ok') return answer.value;
      if (answer.kind === 'failed') throw new CallFailure(answer.info);
      if (tries === MOST_TRIES || !repeatable.has(method)) throw lostFailure(method, answer);
    }
  }

  #connect(): Promise<HelperConnection> {
    if (this.#disposed) return Promise.reject(cancelled());
    if (this.#state.kind === 'given-up') return Promise.reject(givenUp(this.#state.reason));
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<HelperConnection> {
    this.#enter({ kind: 'starting' });
    try {
      const { connectHelper } = await import('./helperClient.ts');
      const connection = await connectHelper({
        program: this.#options.program(),
        build: this.#options.build,
        log: this.#options.log,
        onChanged: () => this.#sandboxChanged.fire(),
        onEnded: reason => this.#onEnded(reason),
      });
      this.#options.log.info(`helper ${connection.build} runs as process ${connection.pid}`);
      this.#enter({ kind: 'running', pid: connection.pid });
      return connection;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#onEnded(reason);
      throw givenUp(reason);
    }
  }

  #onEnded(reason: string): void {
    if (this.#disposed) return;
    this.#options.log.error(reason);
    const now = Date.now();
    this.#ends.push(now);
    const plan = planRestart(this.#ends, now);
    if (plan.kind === 'give-up') {
      this.#connection = undefined;
      this.#enter({
        kind: 'given-up',
        reason: `it ended ${plan.ends} times in three minutes; the last time: ${reason}`,
      });
      return;
    }
    this.#enter({ kind: 'waiting', reason });
    const next = delay(plan.delayMs).then(() => this.#open());
    this.#connection = next;
    // A failed start has already been counted and logged; whoever awaits the connection gets the error as well.
    next.catch(() => undefined);
  }

  #enter(state: HelperState): void {
    this.#state = state;
    if (!this.#disposed) this.#stateChanged.fire(state);
  }
}

function lostFailure(method: Method, answer: Extract<Answer, { kind: 'lost' }>): CallFailure {
  return new CallFailure({
    code: 'internal',
    message: `the helper ended during ${method}: ${answer.reason.split('\n')[0] ?? ''}`,
    hint: 'sandboxes keep running; look at the list and try again',
  });
}

function givenUp(reason: string): CallFailure {
  return new CallFailure({
    code: 'internal',
    message: `the helper does not run: ${reason.split('\n')[0] ?? ''}`,
    hint: 'choose Restart Helper, or name another Node in the setting heyvm.helper.node',
  });
}

function delay(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
