// What holds for every throwaway, whichever surface asks for one.
import type { SandboxSpec } from '../protocol/sandbox.ts';

export const DEFAULT_TIMEOUT_MS = 60_000;

/** A program that is told to end gets a moment, and so does whoever tells it. */
const MARGIN_SECONDS = 15;

/** The sandbox ends by itself a little later than its program should, in case nobody is there to end that. */
export function boundedSpec(spec: SandboxSpec, timeoutMs: number): SandboxSpec {
  if (spec.limits?.wall !== undefined) return spec;
  return { ...spec, limits: { ...spec.limits, wall: Math.ceil(timeoutMs / 1000) + MARGIN_SECONDS } };
}
