// How a surface and its helper talk above the contract: the handshake, the envelope of a call, and progress.
import * as z from 'zod/mini';
import { PROTOCOL } from './version.ts';

/** Sent by the surface in `initializationOptions` and answered by the helper as `heyvm` beside its capabilities. */
export const Handshake = z.object({
  protocol: z.object({ major: z.int(), minor: z.int() }),
  build: z.string(),
});
export type Handshake = z.output<typeof Handshake>;

/** The parameters of every request; with a token, `$/progress` carries `ProgressValue`s under it. */
export const CallEnvelope = z.object({ params: z.unknown(), workDoneToken: z.optional(z.string()) });
export type CallEnvelope = z.output<typeof CallEnvelope>;

export const ProgressValue = z.object({
  phase: z.string(),
  detail: z.optional(z.string()),
  percent: z.optional(z.number()),
});
export type ProgressValue = z.output<typeof ProgressValue>;

/** Why the other side cannot be talked to, or undefined when it can. */
export function refusalOf(theirs: Handshake): string | undefined {
  if (theirs.protocol.major === PROTOCOL.major) return undefined;
  const said = `${theirs.protocol.major}.${theirs.protocol.minor}`;
  return `protocol ${said} of build ${theirs.build} cannot talk to protocol ${PROTOCOL.major}.${PROTOCOL.minor}`;
}
