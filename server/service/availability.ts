// What this machine has of a backend, whatever its probe makes of it.
import type { Backend } from '../core/backend.ts';
import { toSandboxError } from '../core/errors.ts';
import type { Availability } from '../protocol/backend.ts';
import type { BaseDeps } from './deps.ts';
import { probeBackend } from './requirements.ts';

/** A probe that breaks is an answer as well: this backend cannot be used now. */
export async function availabilityOf(
  deps: BaseDeps,
  backend: Backend,
  signal: AbortSignal,
): Promise<Availability> {
  const { hosts, title } = backend.manifest;
  if (!hosts.some(({ platform, arch }) => platform === process.platform && arch.includes(process.arch))) {
    return { kind: 'unsupported', why: `${title} does not run on ${process.platform} ${process.arch}` };
  }
  try {
    return await probeBackend(deps, backend, { signal });
  } catch (thrown) {
    const error = toSandboxError(thrown);
    if (error.code === 'cancelled') throw error;
    return { kind: 'missing', what: error.message, fix: error.hint ?? 'see heyvm doctor' };
  }
}
