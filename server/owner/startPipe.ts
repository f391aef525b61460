// What an owner tells the process that started it, one JSON line each, until it is ready or has failed.
import { Socket } from 'node:net';
import * as z from 'zod/mini';
import { type SandboxError, toErrorInfo } from '../core/errors.ts';
import type { Progress } from '../protocol/contract.ts';
import { ErrorInfo } from '../protocol/errors.ts';

export const START_PIPE = 3;

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
  progress(progress: Progress): void;
  /** The last words; the pipe closes after them. */
  ready(): void;
  failed(error: SandboxError): Promise<void>;
};

/** `onLost` is called when the reader ends before it heard the last words. */
export function openStartPipe(onLost: () => void): StartPipe {
  const socket = openDescriptor();
  let over = socket === undefined;
  const lost = (): void => {
    if (over) return;
    over = true;
    onLost();
  };
  // Whoever started us may be gone; that is no reason to end.
  socket?.on('error', lost);
  socket?.on('close', lost);
  socket?.resume();
  const say = (message: StartMessage): void => {
    if (!over) socket?.write(`${JSON.stringify(message)}\n`);
  };
  return {
    progress: progress => say({ progress }),
    ready: () => {
      say({ ready: true });
      over = true;
      socket?.end(() => socket.destroy());
    },
    failed: async error => {
      say({ error: toErrorInfo(error) });
      over = true;
      await new Promise<void>(resolve => {
        if (socket === undefined || socket.destroyed) resolve();
        else socket.end(resolve).once('close', () => resolve());
      });
    },
  };
}

function openDescriptor(): Socket | undefined {
  try {
    return new Socket({ fd: START_PIPE, readable: true, writable: true });
  } catch {
    // Started by hand, without a pipe; then nobody waits for an answer.
    return undefined;
  }
}
