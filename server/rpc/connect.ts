// Calls JSON-RPC methods of one contract on a stream.
import type { Duplex } from 'node:stream';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { SandboxError } from '../core/errors.ts';
import type { Call, Contract, Result } from '../protocol/contract.ts';
import { parse } from '../protocol/parse.ts';
import { tokenOf } from './cancel.ts';
import { fromResponseError } from './errors.ts';

export type RpcClient<C extends Contract> = {
  readonly call: Call<C, AbortSignal>;
  /** Resolves when the connection has ended, from whichever side. */
  readonly closed: Promise<void>;
  close(): void;
};

/** What a call gets when the peer goes away before it answers. */
export type Gone = () => SandboxError;

export function connectRpc<C extends Contract>(stream: Duplex, contract: C, gone: Gone): RpcClient<C> {
  const connection = createMessageConnection(
    new StreamMessageReader(stream),
    new StreamMessageWriter(stream),
  );
  let pending = 0;
  const closed = new Promise<void>(resolve => {
    const end = (): void => void pass(TURNS * (pending + 1)).then(resolve);
    connection.onClose(end);
    connection.onError(end);
    stream.once('end', end);
    stream.once('close', end);
  });
  connection.listen();
  const lost = closed.then((): never => {
    throw gone();
  });
  // Calls race against it; without a call nobody needs to hear.
  lost.catch(() => undefined);
  return {
    closed,
    call: async (method, params, options) => {
      const cancel = tokenOf(options?.signal ?? new AbortController().signal);
      pending += 1;
      try {
        const answered = await Promise.race([connection.sendRequest(method, params, cancel.token), lost]);
        return check(contract, method, answered);
      } catch (error) {
        throw fromResponseError(error);
      } finally {
        pending -= 1;
        cancel.dispose();
      }
    },
    close: () => {
      connection.dispose();
      stream.destroy();
    },
  };
}

/**
 * The library takes a turn of the event loop to read a message and another one to hand it on, so that an answer which
 * came with the end of the stream would be overtaken by it.
 */
const TURNS = 3;

async function pass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>(resolve => setImmediate(resolve));
}

function check<C extends Contract, M extends keyof C & string>(
  contract: C,
  method: M,
  answered: unknown,
): Result<C, M> {
  const spec = contract[method];
  if (spec === undefined) throw new SandboxError('usage', `unknown method ${method}`);
  const result = parse(spec.result, answered);
  if (!result.ok)
    throw new SandboxError('version-mismatch', `the answer to ${method} makes no sense: ${result.problem}`);
  return result.value as Result<C, M>;
}
