// What an owner and the process of its guest say to each other, one JSON object on each line.
import * as z from 'zod/mini';
import { ErrorInfo } from '../../protocol/errors.ts';
import { GuestPlan } from './plan.ts';

const Progress = z.strictObject({ phase: z.string(), percent: z.optional(z.number()) });

export const Told = z.union([
  z.strictObject({ plan: GuestPlan }),
  z.strictObject({ stop: z.strictObject({ graceMs: z.number() }) }),
]);
export type Told = z.output<typeof Told>;

export const Said = z.union([
  z.strictObject({ progress: Progress }),
  z.strictObject({ ready: z.literal(true) }),
  z.strictObject({ error: ErrorInfo }),
  z.strictObject({ stopped: z.strictObject({ forced: z.boolean() }) }),
]);
export type Said = z.output<typeof Said>;
