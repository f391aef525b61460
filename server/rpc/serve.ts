// Answers JSON-RPC requests of one contract on a stream.
import type { Duplex } from 'node:stream';
import {
  type CancellationToken,
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { SandboxError } from '../core/errors.ts';
import type { Contract, Handlers, Params } from '../protocol/contract.ts';
import { parse } from '../protocol/parse.ts';
import { signalOf } from './cancel.ts';
import { toResponseError } from './errors.ts';

export type RpcContext = { readonly signal: AbortSignal };

/** Resolves when the peer has gone. */
export function serveRpc<C extends Contract>(
  stream: Duplex,
  contract: C,
  handlers: Handlers<C, RpcContext>,
): Promise<void> {
  const connection = createMessageConnection(
    new StreamMessageReader(stream),
    new StreamMessageWriter(stream),
  );
  for (const method of Object.keys(contract)) {
    connection.onRequest(method, (params: unknown, token: CancellationToken) =>
      answer(contract, handlers, { method, params, signal: signalOf(token) }),
    );
  }
  return new Promise(resolve => {
    const end = (): void => {
      connection.dispose();
      stream.destroy();
      resolve();
    };
    stream.once('end', end);
    connection.onClose(end);
    connection.onError(end);
    connection.listen();
  });
}

type Asked = { readonly method: string; readonly params: unknown; readonly signal: AbortSignal };

async function answer<C extends Contract>(
  contract: C,
  handlers: Handlers<C, RpcContext>,
  asked: Asked,
): Promise<unknown> {
  try {
    return await callHandler(contract, handlers, asked);
  } catch (error) {
    throw toResponseError(error);
  }
}

async function callHandler<C extends Contract, M extends keyof C & string>(
  contract: C,
  handlers: Handlers<C, RpcContext>,
  asked: Asked & { readonly method: M | string },
): Promise<unknown> {
  const method = asked.method as M;
  const spec = contract[method];
  if (spec === undefined) throw new SandboxError('usage', `unknown method ${method}`);
  const params = parse(spec.params, asked.params);
  if (!params.ok) throw new SandboxError('usage', `${method}: ${params.problem}`);
  return handlers[method](params.value as Params<C, M>, { signal: asked.signal });
}
