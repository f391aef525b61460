// Between an owner and the process that started it, one JSON line each: what to own, and then how far it is, until it is
// ready or has failed.
import { Socket } from 'node:net';
import * as z from 'zod/mini';
import { type SandboxError, toErrorInfo } from '../core/errors.ts';
import type { Progress } from '../protocol/contract.ts';
import { ErrorInfo } from '../protocol/errors.ts';
import { parseJson } from '../protocol/parse.ts';
import { SandboxId } from '../protocol/sandbox.ts';
import { START_PIPE } from './candidate.ts';

export const Order = z.object({
  id: SandboxId,
  /** `attach` to a guest that runs already. */
  mode: z.enum(['start', 'attach']),
  /** What the drivers need to know of the surroundings, beside what every program is told. */
  environment: z.record(z.string(), z.string()),
});
export type Order = z.output<typeof Order>;
/** As it is written. */
export type Ordered = z.input<typeof Order>;

export const StartMessage = z.union([
  z.object({
    progress: z.object({
      phase: z.string(),
      detail: z.optional(z.string()),
      percent: z.optional(z.number()),
    }),
  }),
  z.object({ ready: z.literal(true) }),
  z.object({ error: ErrorInfo }),
]);
export type StartMessage = z.output<typeof StartMessage>;

export type StartPipe = {
  /** Undefined when whoever could have told is gone, or has no use for an owner. */
  readonly told: Promise<Order | undefined>;
  /** Aborted when the other side ends before it heard the last words. */
  readonly lost: AbortSignal;
  progress(progress: Progress): void;
  /** The last words; the pipe closes after them. */
  ready(): void;
  failed(error: SandboxError): Promise<void>;
};

/** Undefined without a pipe, as when it is started by hand. */
export function openStartPipe(): StartPipe | undefined {
  const socket = openDescriptor();
  if (socket === undefined) return undefined;
  const lost = new AbortController();
  let over = false;
  const lose = (): void => {
    if (over) return;
    over = true;
    lost.abort();
  };
  // Whoever started us may be gone; once it has told what to own, that is no reason to end.
  socket.on('error', lose);
  socket.on('close', lose);
  const say = (message: StartMessage): void => {
    if (!over) socket.write(`${JSON.stringify(message)}\n`);
  };
  return {
    told: orderFrom(socket),
    lost: lost.signal,
    progress: progress => say({ progress }),
    ready: () => {
      say({ ready: true });
      over = true;
      socket.end(() => socket.destroy());
    },
    failed: async error => {
      say({ error: toErrorInfo(error) });
      over = true;
      await new Promise<void>(resolve => {
        if (socket.destroyed) resolve();
        else socket.end(resolve).once('close', () => resolve());
      });
    },
  };
}

/** The first line; there is no other. */
function orderFrom(socket: Socket): Promise<Order | undefined> {
  let line = '';
  return new Promise((resolve, reject) => {
    socket.setEncoding('utf8').on('data', (text: string) => {
      line += text;
      if (!line.endsWith('\n')) return;
      const order = parseJson(Order, line);
      if (order.ok) resolve(order.value);
      else reject(new Error(`the order is none: ${order.problem}`));
    });
    socket.once('close', () => resolve(undefined));
  });
}

function openDescriptor(): Socket | undefined {
  try {
    return new Socket({ fd: START_PIPE, readable: true, writable: true });
  } catch {
    // There is none, or something else has its number.
    return undefined;
  }
}
