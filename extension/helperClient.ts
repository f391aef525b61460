// One life of the helper process, spoken to through the language client; bundled apart and loaded at first use.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  LSPErrorCodes,
  ProgressType,
  ResponseError,
  RevealOutputChannelOn,
} from 'vscode-languageclient/node';
import type { CallOptions } from '../server/protocol/contract.ts';
import { ErrorInfo } from '../server/protocol/errors.ts';
import { type HelperContract, helperContract, sandboxChanged } from '../server/protocol/helper.ts';
import { parse } from '../server/protocol/parse.ts';
import { SandboxName } from '../server/protocol/sandbox.ts';
import { type CallEnvelope, Handshake, ProgressValue, refusalOf } from '../server/protocol/session.ts';
import { PROTOCOL } from '../server/protocol/version.ts';
import { ourFiles } from './ourFiles.ts';
import type { Program } from './program.ts';

const STDERR_LINES_KEPT = 40;

/** Errors of another bundle cannot be told apart by class, so what became of a call is data. */
export type Answer =
  | { kind: 'ok'; value: unknown }
  | { kind: 'failed'; info: ErrorInfo }
  | { kind: 'lost'; reason: string };

export type HelperConnection = {
  readonly pid: number;
  readonly build: string;
  call(method: keyof HelperContract, params: unknown, options?: CallOptions<AbortSignal>): Promise<Answer>;
  stop(): Promise<void>;
};

export type ConnectOptions = {
  readonly program: Program;
  readonly build: string;
  readonly log: vscode.LogOutputChannel;
  readonly onChanged: () => void;
  /** Called once when the process has ended without `stop`. */
  readonly onEnded: (reason: string) => void;
};

export async function connectHelper(options: ConnectOptions): Promise<HelperConnection> {
  const child = spawn(options.program.file, [...options.program.args], {
    cwd: options.program.cwd,
    env: options.program.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const life = observe(child, options);
  await Promise.race([once(child, 'spawn'), life.ended.then(throwReason)]);
  const streams = { reader: child.stdout, writer: child.stdin };
  const client = new LanguageClient('heyvm', 'heyvm', () => Promise.resolve(streams), clientOptions(options));
  client.onNotification(sandboxChanged.method, options.onChanged);
  try {
    await Promise.race([client.start(), life.ended.then(throwReason)]);
    const theirs = handshakeOf(client);
    life.connected(options.onEnded);
    return {
      pid: child.pid ?? 0,
      build: theirs.build,
      call: (method, params, callOptions) => callHelper({ client, life }, { method, params }, callOptions),
      stop: () => stop(client, child, life),
    };
  } catch (error) {
    life.expected();
    child.kill('SIGKILL');
    throw error;
  }
}

/** What is wrong with a name for a sandbox, by the same schema that the helper uses. */
export function problemOfName(name: string): string | undefined {
  const parsed = parse(SandboxName, name);
  return parsed.ok ? undefined : parsed.problem;
}

function clientOptions(options: ConnectOptions): LanguageClientOptions {
  return {
    documentSelector: ourFiles(),
    outputChannel: options.log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationOptions: { protocol: PROTOCOL, build: options.build } satisfies Handshake,
    initializationFailedHandler: () => false,
    // Whoever supervises the helper decides about its next life, and says so to the person.
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => ({
        action: CloseAction.DoNotRestart,
        handled: true,
        message: 'the helper closed its connection',
      }),
    },
  };
}

function handshakeOf(client: LanguageClient): Handshake {
  const parsed = parse(Handshake, client.initializeResult?.['heyvm']);
  if (!parsed.ok) throw new Error(`the helper gave no version: ${parsed.problem}`);
  const refusal = refusalOf(parsed.value);
  if (refusal !== undefined) throw new Error(refusal);
  return parsed.value;
}

type Life = {
  /** Resolves with the reason when the process has ended; never rejects. */
  readonly ended: Promise<string>;
  /** Gives what takes the listener away, for calls come and go while the process stays. */
  onEnd(listener: (reason: string) => void): () => void;
  expected(): void;
  connected(onEnded: (reason: string) => void): void;
};

function observe(child: ChildProcess, options: ConnectOptions): Life {
  const lastLines: string[] = [];
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', line => {
      options.log.warn(line);
      lastLines.push(line);
      if (lastLines.length > STDERR_LINES_KEPT) lastLines.shift();
    });
  }
  let isExpected = false;
  const listeners = new Set<(reason: string) => void>();
  const ended = new Promise<string>(resolve => {
    child.on('error', error => resolve(`the helper cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      resolve([`the helper ended with ${how}`, ...lastLines].join('\n'));
    });
  });
  void ended.then(reason => {
    for (const listener of listeners) listener(reason);
  });
  return {
    ended,
    onEnd: listener => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    expected: () => {
      isExpected = true;
    },
    connected: onEnded => {
      void ended.then(reason => {
        if (!isExpected) onEnded(reason);
      });
    },
  };
}

function throwReason(reason: string): never {
  throw new Error(reason);
}

type Line = { readonly client: LanguageClient; readonly life: Life };
type Request = { readonly method: keyof HelperContract; readonly params: unknown };

async function callHelper(
  line: Line,
  request: Request,
  options: CallOptions<AbortSignal> = {},
): Promise<Answer> {
  const cancel = new vscode.CancellationTokenSource();
  const abort = () => cancel.cancel();
  options.signal?.addEventListener('abort', abort);
  if (options.signal?.aborted === true) cancel.cancel();
  const progress = listenToProgress(line.client, options);
  const envelope: CallEnvelope = { params: request.params, ...progress.token };
  let forget = () => {};
  try {
    return await new Promise<Answer>(resolve => {
      forget = line.life.onEnd(reason => resolve({ kind: 'lost', reason }));
      line.client
        .sendRequest<unknown>(request.method, envelope, cancel.token)
        .then(result => answerOf(request.method, result))
        .catch((error: unknown) => failureOf(error, line.life))
        .then(resolve);
    });
  } finally {
    forget();
    progress.dispose();
    options.signal?.removeEventListener('abort', abort);
    cancel.dispose();
  }
}

let lastToken = 0;

function listenToProgress(client: LanguageClient, options: CallOptions<AbortSignal>) {
  const report = options.progress;
  if (report === undefined) return { token: {}, dispose: () => undefined };
  lastToken += 1;
  const workDoneToken = `progress-${lastToken}`;
  const listening = client.onProgress(new ProgressType<unknown>(), workDoneToken, value => {
    const parsed = parse(ProgressValue, value);
    if (parsed.ok) report(parsed.value);
  });
  return { token: { workDoneToken }, dispose: () => listening.dispose() };
}

function answerOf(method: keyof HelperContract, result: unknown): Answer {
  const parsed = parse(helperContract[method].result, result);
  if (parsed.ok) return { kind: 'ok', value: parsed.value };
  return {
    kind: 'failed',
    info: { code: 'internal', message: `${method} answered wrongly: ${parsed.problem}` },
  };
}

/** A connection breaks a moment before its process is known to have ended, so the end is given that moment. */
async function failureOf(error: unknown, life: Life): Promise<Answer> {
  if (error instanceof ResponseError) {
    const info = parse(ErrorInfo, error.data);
    if (info.ok) return { kind: 'failed', info: info.value };
    if (error.code === LSPErrorCodes.RequestCancelled) {
      return { kind: 'failed', info: { code: 'cancelled', message: 'cancelled' } };
    }
  }
  const message = error instanceof Error ? error.message : String(error);
  const ended = await Promise.race([life.ended, afterAMoment()]);
  if (ended !== undefined) return { kind: 'lost', reason: ended };
  return { kind: 'failed', info: { code: 'internal', message } };
}

function afterAMoment(): Promise<undefined> {
  return new Promise(resolve => setTimeout(() => resolve(undefined), 500));
}

async function stop(client: LanguageClient, child: ChildProcess, life: Life): Promise<void> {
  life.expected();
  try {
    await client.dispose(2_000);
  } catch {
    // A helper that does not answer a shutdown is ended below.
  }
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await life.ended;
}
