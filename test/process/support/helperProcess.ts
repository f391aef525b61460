// A helper of a test's own: a real process, spoken to over its real standard streams.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { PROTOCOL } from '../../../server/protocol/version.ts';

export const helperFile = join(import.meta.dirname, '..', '..', '..', 'server', 'bin', 'helper.ts');

export type HelperProcess = {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly connection: MessageConnection;
  /** Everything that came on stdout, byte for byte. */
  stdout(): Buffer;
  stderr(): string;
  ended(): Promise<number | null>;
  kill(): Promise<void>;
};

/** For who speaks to it in their own way. */
export function spawnHelper(home: string): Pick<HelperProcess, 'child' | 'ended'> {
  const child = spawn(process.execPath, [helperFile], {
    env: { ...process.env, HEYO_HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const end = once(child, 'exit') as Promise<[number | null]>;
  return { child, ended: async () => (await end)[0] };
}

export function startHelper(home: string): HelperProcess {
  const { child, ended } = spawnHelper(home);
  const chunks: Buffer[] = [];
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  const end = ended();
  // What is still asked then fails at once instead of waiting for ever.
  void end.then(() => connection.dispose());
  return {
    child,
    connection,
    stdout: () => Buffer.concat(chunks),
    stderr: () => errors,
    ended: () => end,
    kill: async () => {
      connection.dispose();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await end;
    },
  };
}

export function initializeParams(major: number = PROTOCOL.major) {
  return {
    processId: process.pid,
    rootUri: null,
    capabilities: {},
    initializationOptions: { protocol: { major, minor: 0 }, build: 'test' },
  };
}

export async function initialize(helper: HelperProcess): Promise<unknown> {
  const result: unknown = await helper.connection.sendRequest('initialize', initializeParams());
  await helper.connection.sendNotification('initialized', {});
  return result;
}
