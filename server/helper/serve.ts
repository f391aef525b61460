// The helper's language server: every method of the contract in one loop, progress, and pushed changes.
import {
  type CancellationToken,
  type Connection,
  type InitializeParams,
  type InitializeResult,
  ProgressType,
} from 'vscode-languageserver/node';
import { SandboxError, toSandboxError } from '../core/errors.ts';
import type { Call, Params } from '../protocol/contract.ts';
import { type HelperContract, helperContract, sandboxChanged } from '../protocol/helper.ts';
import { parse } from '../protocol/parse.ts';
import { CallEnvelope, Handshake, type ProgressValue, refusalOf } from '../protocol/session.ts';
import { PROTOCOL } from '../protocol/version.ts';
import { signalOf } from '../rpc/cancel.ts';
import { toResponseError } from '../rpc/errors.ts';
import type { Paths } from '../store/paths.ts';
import { documentCapabilities, serveDocuments } from './documents.ts';

export type HelperOptions = {
  readonly connection: Connection;
  readonly call: Call<HelperContract, AbortSignal>;
  readonly build: string;
  readonly paths: Pick<Paths, 'settings'>;
  /** Starts to push changes; called once the surface is ready to hear them. */
  readonly watch: (changed: () => void) => unknown;
};

type Method = keyof HelperContract & string;

export function serveHelper(options: HelperOptions): void {
  const { connection } = options;
  connection.onInitialize(params => initialize(params, options.build));
  connection.onInitialized(() => {
    connection.console.info(`helper ${options.build} speaks protocol ${PROTOCOL.major}.${PROTOCOL.minor}`);
    try {
      options.watch(() => void connection.sendNotification(sandboxChanged.method, {}));
    } catch (error) {
      connection.console.error(`changes by others cannot be seen: ${toSandboxError(error).message}`);
    }
  });
  const methods = Object.keys(helperContract) as Method[];
  for (const method of methods) {
    connection.onRequest(method, (envelope: unknown, token: CancellationToken) =>
      answer(options, { method, envelope, token }),
    );
  }
  serveDocuments(connection, options.paths);
  connection.listen();
}

type HelperResult = InitializeResult & { readonly heyvm: Handshake };

function initialize(params: InitializeParams, build: string): HelperResult {
  const theirs = parse(Handshake, params.initializationOptions);
  const refusal = theirs.ok ? refusalOf(theirs.value) : `initializationOptions: ${theirs.problem}`;
  if (refusal !== undefined) {
    const hint = 'reload the window, so that extension and helper come from one build';
    throw toResponseError(new SandboxError('version-mismatch', refusal, { hint }));
  }
  return {
    capabilities: documentCapabilities,
    serverInfo: { name: 'heyvm', version: build },
    heyvm: { protocol: PROTOCOL, build },
  };
}

type Asked = { readonly method: Method; readonly envelope: unknown; readonly token: CancellationToken };

async function answer(options: HelperOptions, asked: Asked): Promise<unknown> {
  try {
    const envelope = parse(CallEnvelope, asked.envelope);
    if (!envelope.ok) throw new SandboxError('usage', `${asked.method}: ${envelope.problem}`);
    const { params, workDoneToken } = envelope.value;
    // The service is the one that checks the parameters.
    return await options.call(asked.method, params as Params<HelperContract, Method>, {
      signal: signalOf(asked.token),
      progress: progress => {
        if (workDoneToken === undefined) return;
        void options.connection.sendProgress(new ProgressType<ProgressValue>(), workDoneToken, progress);
      },
    });
  } catch (error) {
    const failure = toResponseError(error);
    if (failure.data?.code === 'internal') options.connection.console.error(stackOf(error));
    throw failure;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
