// A backend in memory, for tests of everything above backends; it passes the same contract suite as real ones.
import { PassThrough } from 'node:stream';
import * as z from 'zod/mini';
import type { Backend, Driver, LaunchRequest, Manifest } from '../../server/core/backend.ts';
import { fail } from '../../server/core/errors.ts';
import type { Guest, GuestEnd, GuestProcess } from '../../server/core/guest.ts';
import type { Availability } from '../../server/protocol/backend.ts';
import type { ExecRequest, ExitStatus } from '../../server/protocol/exec.ts';
import { deliver, type FakeFiles, type FakeProcess, programs, runProgram } from './fakeShell.ts';

export type FakeOptions = {
  readonly id?: string;
  readonly rank?: Manifest['rank'];
  readonly availability?: Exclude<Availability, { kind: 'ready' }>;
};

export function fakeBackend(options: FakeOptions = {}): Backend {
  const manifest = manifestOf(options);
  const driver = fakeDriver(manifest, options);
  return { manifest, load: async () => driver };
}

function manifestOf({ id = 'fake', rank = { worktree: 1, throwaway: 1 } }: FakeOptions): Manifest {
  return {
    id,
    aliases: [`${id}-alias`],
    title: 'Fake',
    summary: 'Runs nothing outside of the memory of the test',
    hosts: [{ platform: process.platform, arch: [process.arch] }],
    capabilities: {
      boundary: 'process',
      lifetime: 'owned',
      workspace: 'copy',
      git: [],
      network: ['none'],
      runtimes: ['shell'],
      resources: { cpus: 'none', memory: 'none', pids: 'none', wall: 'hard' },
      exec: { pty: true, signals: true, user: false },
      dial: [],
      files: 'none',
      snapshots: 'none',
      pause: false,
      editor: false,
      caveats: ['It is no sandbox at all'],
    },
    verified: 'contract',
    rank,
    options: z.strictObject({}),
  };
}

type World = { readonly files: FakeFiles; running: FakeGuest | undefined };

function fakeDriver(manifest: Manifest, options: FakeOptions): Driver {
  const worlds = new Map<string, World>();
  return {
    async probe({ signal }) {
      signal.throwIfAborted();
      const { capabilities } = manifest;
      return options.availability ?? { kind: 'ready', version: '1.0.0', capabilities, notes: [] };
    },
    async create({ state }) {
      if (!worlds.has(state)) worlds.set(state, { files: new Map(), running: undefined });
      return { version: 1 };
    },
    async open({ signal, state }, _ref, request) {
      signal.throwIfAborted();
      const world = worlds.get(state) ?? fail('internal', 'it was never created');
      if (world.running !== undefined) fail('busy', 'it is running already');
      world.running = new FakeGuest(request, world.files, () => {
        world.running = undefined;
      });
      return world.running;
    },
    async inspect({ state }) {
      const world = worlds.get(state);
      if (world === undefined) return 'gone';
      return world.running === undefined ? 'stopped' : 'running';
    },
    async destroy({ state }) {
      await worlds.get(state)?.running?.stop({ graceMs: 0 });
      worlds.delete(state);
      return [];
    },
    sweep: async () => [],
  };
}

class FakeGuest implements Guest {
  readonly ended: Promise<GuestEnd>;
  readonly #request: LaunchRequest;
  readonly #files: FakeFiles;
  readonly #living = new Map<FakeProcess, Promise<ExitStatus>>();
  readonly #end = Promise.withResolvers<GuestEnd>();
  readonly #onEnd: () => void;
  #stopped: Promise<GuestEnd> | undefined;

  constructor(request: LaunchRequest, files: FakeFiles, onEnd: () => void) {
    this.#request = request;
    this.#files = files;
    this.#onEnd = onEnd;
    this.ended = this.#end.promise;
  }

  async exec(request: ExecRequest): Promise<GuestProcess> {
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
    return status;
  }
}

function refusal(message: string): Error {
  try {
    return fail('policy-refused', message);
  } catch (error) {
    return error instanceof Error ? error : new Error(message);
  }
}
