// The guest of the fake backends: programs, files and terminals that live in the memory of this process.
import { PassThrough } from 'node:stream';
import { BOX } from '../../scripts/lib/wasmBox.ts';
import type { LaunchRequest } from '../../server/core/backend.ts';
import { fail } from '../../server/core/errors.ts';
import type { Guest, GuestEnd, GuestProcess } from '../../server/core/guest.ts';
import type { Runtime } from '../../server/protocol/backend.ts';
import type { ExecRequest, ExitStatus } from '../../server/protocol/exec.ts';
import { deliver, type FakeFiles, type FakeProcess, programs, runProgram } from './fakeShell.ts';

/** With the runtime `wasm`, programs are found in the program `box` alone, and codes are told as 0 or 1. */
export type FakeRequest = Pick<LaunchRequest, 'name' | 'env'> & { readonly runtime?: Runtime | undefined };

export class FakeGuest implements Guest {
  readonly ended: Promise<GuestEnd>;
  readonly #request: FakeRequest;
  readonly #files: FakeFiles;
  readonly #living = new Map<FakeProcess, Promise<ExitStatus>>();
  readonly #end = Promise.withResolvers<GuestEnd>();
  readonly #onEnd: () => void;
  #stopped: Promise<GuestEnd> | undefined;
  #paused: PromiseWithResolvers<void> | undefined;

  constructor(request: FakeRequest, files: FakeFiles, onEnd: () => void) {
    this.#request = request;
    this.#files = files;
    this.#onEnd = onEnd;
    this.ended = this.#end.promise;
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** It is no longer there, and whoever it was handed to has it. */
  leave(): void {
    this.#stopped ??= Promise.resolve({ kind: 'stopped', forced: false });
    this.#end.resolve({ kind: 'stopped', forced: false });
  }

  async exec(asked: ExecRequest): Promise<GuestProcess> {
    const request = this.#unboxed(asked);
    await this.#paused?.promise;
    if (this.#stopped !== undefined) fail('not-running', 'the guest has ended');
    const [program = ''] = request.argv;
    if (!programs.includes(program.replace(/^\/(usr\/)?bin\//, ''))) {
      fail('path-not-found', `cannot run ${program}: no such file`);
    }
    if (!['/', '/tmp', '/workspace', undefined].includes(request.cwd)) {
      fail('path-not-found', `cannot enter ${request.cwd}: no such folder`);
    }
    const fake = this.#newProcess(request);
    const running = runProgram(fake, this.#files).then(status => this.#finish(fake, status));
    this.#living.set(fake, running);
    return {
      stdin: fake.stdin,
      stdout: fake.stdout,
      stderr: fake.stderr,
      exited: running,
      signal: async name => deliver(fake, name),
      resize: async size => {
        if (request.pty !== undefined) fake.size = size;
      },
      hangUp: () => deliver(fake, 'HUP'),
    };
  }

  dial(): Promise<never> {
    return Promise.reject(refusal('the fake has no network'));
  }

  sftp(): Promise<never> {
    return Promise.reject(refusal('the fake serves no files'));
  }

  listeningPorts(): Promise<[]> {
    return Promise.resolve([]);
  }

  stop({ graceMs }: { graceMs: number }): Promise<GuestEnd> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<GuestEnd> {
    if (graceMs > 0) this.#tellAll('TERM');
    const all = Promise.all(this.#living.values()).then(() => true);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>(resolve => {
      timer = setTimeout(() => resolve(false), graceMs);
    });
    const forced = !(await Promise.race([all, late]));
    clearTimeout(timer);
    this.#tellAll('KILL');
    await all;
    const end: GuestEnd = { kind: 'stopped', forced };
    this.#onEnd();
    this.#end.resolve(end);
    return end;
  }

  #tellAll(signal: 'TERM' | 'KILL'): void {
    for (const fake of this.#living.keys()) deliver(fake, signal);
  }

  #unboxed(request: ExecRequest): ExecRequest {
    if (this.#request.runtime !== 'wasm') return request;
    const [program = '', ...rest] = request.argv;
    return program === BOX
      ? { ...request, argv: rest }
      : fail('path-not-found', `cannot run ${program}: no such module`);
  }

  #newProcess(request: ExecRequest): FakeProcess {
    const terminal = request.pty === undefined ? {} : { TERM: request.pty.term };
    return {
      request,
      env: {
        PATH: '/usr/bin:/bin',
        HOME: '/home/dev',
        WORKSPACE: '/workspace',
        HEYVM_SANDBOX: this.#request.name,
        ...this.#request.env,
        ...terminal,
        ...request.env,
      },
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      ignored: new Set(),
      killed: new AbortController(),
      size: request.pty?.size,
    };
  }

  #finish(fake: FakeProcess, status: ExitStatus): ExitStatus {
    this.#living.delete(fake);
    fake.stdout.end();
    fake.stderr.end();
    const inexact = this.#request.runtime === 'wasm' && status.kind === 'exited';
    return inexact ? { kind: 'exited', code: Math.min(status.code, 1) } : status;
  }
}

function refusal(message: string): Error {
  try {
    return fail('policy-refused', message);
  } catch (error) {
    return error instanceof Error ? error : new Error(message);
  }
}
