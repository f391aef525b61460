// An engine as the driver uses it: calls whose refusals are told in the engine's own words, and answers that are parsed.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import { fail, SandboxError } from '../../core/errors.ts';
import { parseJson } from '../../protocol/parse.ts';
import { type Address, formatAddress } from './address.ts';
import { type Answer, type Call, call, open, takeOver } from './http.ts';
import { explainConnection } from './unreachable.ts';

export type Engine = {
  readonly address: Address;
  /** Any status below 400 and those in `accept` are answers; others throw `command-failed` with the engine's reason. */
  ask(asked: Call & { readonly accept?: readonly number[] }): Promise<Answer>;
  json<S extends z.ZodMiniType>(asked: Call, schema: S): Promise<z.output<S>>;
  /** The body comes as it is made; the caller reads or destroys it. */
  stream(asked: Call): Promise<IncomingMessage>;
  hijack(asked: Call): Promise<Duplex>;
};

/** What an engine refused, with the status by which callers tell the reasons apart. */
export class EngineRefusal extends SandboxError {
  readonly status: number;
  /** The engine's own words. */
  readonly said: string;

  constructor(status: number, said: string, what: string) {
    super('command-failed', `the engine refused ${what}: ${said === '' ? `status ${status}` : said}`);
    this.status = status;
    this.said = said;
  }
}

export function engineAt(address: Address, signal?: AbortSignal): Engine {
  const reach = async <T>(asked: Call, how: (asked: Call) => Promise<T>): Promise<T> => {
    try {
      return await how(signal === undefined || 'signal' in asked ? asked : { ...asked, signal });
    } catch (error) {
      for (const each of [signal, asked.signal]) {
        if (each?.aborted === true && !isLateness(each.reason)) throw each.reason;
      }
      throw explainConnection(address, isLateness(error) ? lateness() : error);
    }
  };
  const ask: Engine['ask'] = async ({ accept = [], ...asked }) => {
    const answer = await reach(asked, each => call(address, each));
    if (answer.status < 400 || accept.includes(answer.status)) return answer;
    throw refusal(asked, answer);
  };
  return {
    address,
    ask,
    async json(asked, schema) {
      const { body } = await ask(asked);
      const parsed = parseJson(schema, body.toString());
      if (parsed.ok) return parsed.value;
      return fail(
        'version-mismatch',
        `${formatAddress(address)} answered ${asked.path} in an unknown way: ${parsed.problem}`,
      );
    },
    async stream(asked) {
      const response = await reach(asked, each => open(address, each));
      const status = response.statusCode ?? 0;
      if (status < 400) return response;
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      throw refusal(asked, { status, headers: response.headers, body: Buffer.concat(chunks) });
    },
    async hijack(asked) {
      const taken = await reach(asked, each => takeOver(address, each));
      if (taken.kind === 'taken') return taken.stream;
      throw refusal(asked, taken.answer);
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

/** Undefined instead of the refusal with this status. */
export async function unless<T>(status: number, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof EngineRefusal && error.status === status) return undefined;
    throw error;
  }
}

/** True when the engine could not be reached, or went away in the middle. */
export function isAway(error: unknown): boolean {
  return error instanceof SandboxError && error.code === 'backend-missing';
}

const Refusal = z.looseObject({ message: z.string() });

function refusal(asked: Call, { status, body }: Answer): EngineRefusal {
  const text = body.toString();
  const parsed = parseJson(Refusal, text);
  // Proxies in front of engines answer in plain text, which is told as it is.
  const words = parsed.ok ? parsed.value.message : text.trim().slice(0, 500);
  return new EngineRefusal(status, words, `${asked.method} ${asked.path}`);
}
