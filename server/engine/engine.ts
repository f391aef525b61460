// An engine as others use it: calls of dockerode, whose refusals are told in the engine's own words and whose answers are parsed.
import { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type * as z from 'zod/mini';
import { fail, SandboxError } from '../core/errors.ts';
import { parse } from '../protocol/parse.ts';
import { type Address, formatAddress } from './address.ts';
import { connectionTo } from './connection.ts';
import { explainConnection } from './unreachable.ts';

/** One request, and no second one: the connection is made for it. */
export type Request<T> = (docker: Docker) => Promise<T>;

export type Engine = {
  readonly address: Address;
  /** Throws an EngineRefusal for every status that is no success; `what` says what was asked for. */
  call<T>(what: string, request: Request<T>, signal?: AbortSignal): Promise<T>;
  /** The answer, parsed. */
  read<S extends z.ZodMiniType>(what: string, schema: S, request: Request<unknown>): Promise<z.output<S>>;
  /** For a request that makes the engine hand the connection over. */
  hijack(what: string, request: Request<unknown>, signal: AbortSignal): Promise<Duplex>;
};

/** What an engine refused, with the status by which callers tell the reasons apart. */
export class EngineRefusal extends SandboxError {
  readonly status: number;
  /** The engine's own words. */
  readonly said: string;

  constructor(status: number, said: string, what: string) {
    super('command-failed', `the engine refused to ${what}: ${said === '' ? `status ${status}` : said}`);
    this.status = status;
    this.said = said;
  }
}

/** The signal holds for every call that has none of its own. */
export function engineAt(address: Address, ordinary?: AbortSignal): Engine {
  const call: Engine['call'] = async (what, request, signal = ordinary) => {
    try {
      const { docker, lost } = connectionTo(address, signal);
      return await Promise.race([request(docker), lost]);
    } catch (error) {
      if (signal?.aborted === true && !isLateness(signal.reason)) throw signal.reason;
      throw refusalIn(error, what) ?? explainConnection(address, isLateness(error) ? lateness() : error);
    }
  };
  return {
    address,
    call,
    async read(what, schema, request) {
      const parsed = parse(schema, await call(what, request));
      if (parsed.ok) return parsed.value;
      return fail(
        'version-mismatch',
        `${formatAddress(address)} answered in an unknown way when it was asked to ${what}: ${parsed.problem}`,
      );
    },
    async hijack(what, request, signal) {
      const stream = await call(what, request, signal);
      if (stream instanceof Duplex) return stream;
      return fail('version-mismatch', `${formatAddress(address)} does not hand over a connection`);
    },
  };
}

/** Before a caller gives up; what takes longer than this on purpose has a signal of its own. */
export const patience = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS);

const PATIENCE_MS = 60_000;

/** What a timeout of our own looks like from below. */
function isLateness(reason: unknown): boolean {
  return reason instanceof Error && (reason.name === 'TimeoutError' || isLateness(reason.cause));
}

function lateness(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}

/** The refusal instead of the answer when it has one of these statuses. */
export async function accepting<T>(
  statuses: readonly number[],
  work: Promise<T>,
): Promise<T | EngineRefusal> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof EngineRefusal && statuses.includes(error.status)) return error;
    throw error;
  }
}

/** Undefined instead of the refusal with this status. */
export async function unless<T>(status: number, work: Promise<T>): Promise<T | undefined> {
  const answer = await accepting([status], work);
  return answer instanceof EngineRefusal ? undefined : answer;
}

/** True when the engine could not be reached, or went away in the middle. */
export function isAway(error: unknown): boolean {
  return error instanceof SandboxError && error.code === 'backend-missing';
}

/** dockerode puts the engine's words behind a status and a guess of its own; proxies' plain text is told as it is. */
function refusalIn(error: unknown, what: string): EngineRefusal | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number')
    return undefined;
  const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : 'unexpected';
  const before = `(HTTP code ${error.statusCode}) ${reason} - `;
  const said = error.message.startsWith(before) ? error.message.slice(before.length) : error.message;
  return new EngineRefusal(error.statusCode, said.trim().slice(0, 500), what);
}
