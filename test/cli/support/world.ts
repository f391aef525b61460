// A store, a home and a git repository of one test file, and the built command line to work in them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import * as z from 'zod/mini';
import { type ErrorCode, ErrorInfo } from '../../../server/protocol/errors.ts';
import { parseJson } from '../../../server/protocol/parse.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';

const dist = process.env['HEYVM_TEST_DIST'] ?? join(import.meta.dirname, '..', '..', '..', 'dist');
export const launcher = join(dist, 'heyvm');

export type Outcome = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Options = {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
};

export type World = {
  /** Everything is below this folder. */
  readonly folder: string;
  readonly store: string;
  readonly repository: string;
  readonly env: NodeJS.ProcessEnv;
  /** To its end; output is kept as text. */
  heyvm(args: readonly string[], options?: Options): Promise<Outcome>;
  /** Like `heyvm` with `--format json`; fails the test unless it succeeds with JSON on stdout. */
  json(args: readonly string[], options?: Options): Promise<unknown>;
  start(args: readonly string[], options?: Options): ChildProcess;
  git(...args: string[]): Promise<string>;
  /** Ends everything that lives in this world. */
  end(): Promise<void>;
};

/** Why nothing of this can run here, or undefined when it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'bubblewrap is for Linux';
  if (!onPath('bwrap')) return 'bwrap is not installed';
  const missing = [launcher, join(dist, 'owner.cjs'), join(dist, `guest-linux-${process.arch}`)].find(
    path => !existsSync(path),
  );
  return missing === undefined ? undefined : `${missing} is not built`;
}

/** Skips the whole suite, saying why, where it cannot run. */
export function needEngine(context: Mocha.Context): void {
  const reason = whyNot();
  if (reason === undefined) return;
  console.log(`not run: ${reason}`);
  context.skip();
}

/** `program` is the command line that is tried, where that is not the one of dist/. */
export async function makeWorld(program = launcher): Promise<World> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hc-')));
  const place = { store: join(folder, 'h'), repository: join(folder, 'repo'), home: join(folder, 'home') };
  mkdirSync(place.repository);
  mkdirSync(place.home);
  const env: NodeJS.ProcessEnv = {
    ...withoutOurs(process.env),
    HEYO_HOME: place.store,
    HOME: place.home,
    TERM: 'xterm-256color',
  };
  const start: World['start'] = (args, options = {}) =>
    spawn(program, args, { cwd: options.cwd ?? place.repository, env: { ...env, ...options.env } });
  const heyvm: World['heyvm'] = (args, options = {}) => finish(start(args, options), options.input);
  const git: World['git'] = async (...args) => {
    const done = await finish(spawn('git', args, { cwd: place.repository, env }));
    if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  };
  await git('init', '-q', '-b', 'main');
  await git('config', 'user.name', 'Tea Drinker');
  await git('config', 'user.email', 'tea@example.com');
  await git('commit', '-q', '--allow-empty', '-m', 'begin');
  return {
    folder,
    store: place.store,
    repository: place.repository,
    env,
    heyvm,
    start,
    git,
    json: async (args, options) => {
      const at = args.indexOf('--');
      const own =
        at === -1
          ? [...args, '--format', 'json']
          : [...args.slice(0, at), '--format', 'json', ...args.slice(at)];
      const done = await heyvm(own, options);
      if (done.code !== 0) throw new Error(`heyvm ${args.join(' ')} gave ${done.code}: ${done.stderr}`);
      return JSON.parse(done.stdout);
    },
    end: async () => {
      const listed = await heyvm(['list', '--format', 'json', '--quiet']);
      const ids = (JSON.parse(listed.stdout || '[]') as SandboxInfo[]).map(sandbox => sandbox.id);
      if (ids.length > 0) await heyvm(['rm', '-y', '--force', ...ids]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits for a process that is running and gives what it said. */
export async function finish(child: ChildProcess, input?: string | Buffer): Promise<Outcome> {
  const stdout = textOf(child.stdout);
  const stderr = textOf(child.stderr);
  // A program that does not read its input is none of the test's concern.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: await stdout, stderr: await stderr };
}

export async function textOf(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Collects text as it comes, so that a test can wait for a part of it. */
export function listenTo(stream: Readable | null): { readonly text: string } {
  const heard = { text: '' };
  stream?.setEncoding('utf8').on('data', chunk => {
    heard.text += chunk;
  });
  return heard;
}

/** The error that `--format json` printed on stderr; remarks may stand before it. */
export function errorOf({ stderr }: Outcome): {
  code: ErrorCode;
  message: string;
  hint?: string | undefined;
} {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  const parsed = parseJson(z.object({ error: ErrorInfo }), line);
  if (!parsed.ok) throw new Error(`no error in JSON: ${stderr}`);
  return parsed.value.error;
}

/** The most memory a process has had at once, in bytes; zero when it is gone. */
export function peakMemory(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    // It has ended; the last look before that counts.
    return 0;
  }
}

function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours = /^(HEYO_|HEYVM_|GIT_|NO_COLOR$|FORCE_COLOR$|NODE_COMPILE_CACHE$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name)));
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some(folder => existsSync(join(folder, program)));
}
