// The methods about backends: what each promises, and on request what this machine has of it.
import { backends } from '../backends/registry.ts';
import type { Backend } from '../core/backend.ts';
import { resolveBackend } from '../core/choose.ts';
import { toSandboxError } from '../core/errors.ts';
import type { Availability, BackendInfo } from '../protocol/backend.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { probeBackend } from './requirements.ts';

export function backendHandlers(
  deps: ServiceDeps,
): Pick<Handlers<HelperContract, CallContext>, 'backend/list'> {
  return {
    'backend/list': async ({ id, probe = false }, { signal }) => {
      const asked = id === undefined ? backends : [resolveBackend(backends, id)];
      const infos = asked.map(async backend =>
        probe ? describe(backend, await availabilityOf(deps, backend, signal)) : describe(backend),
      );
      return { backends: await Promise.all(infos) };
    },
  };
}

/** A probe that breaks is an answer as well: this backend cannot be used now. */
export async function availabilityOf(
  deps: ServiceDeps,
  backend: Backend,
  signal: AbortSignal,
): Promise<Availability> {
  const { hosts, title } = backend.manifest;
  if (!hosts.some(({ platform, arch }) => platform === process.platform && arch.includes(process.arch))) {
    return { kind: 'unsupported', why: `${title} does not run on ${process.platform} ${process.arch}` };
  }
  try {
    return await probeBackend(deps, backend, signal);
  } catch (thrown) {
    const error = toSandboxError(thrown);
    if (error.code === 'cancelled') throw error;
    return { kind: 'missing', what: error.message, fix: error.hint ?? 'see heyvm doctor' };
  }
}

function describe({ manifest }: Backend, availability?: Availability): BackendInfo {
  const { id, aliases, title, summary, hosts, capabilities, verified } = manifest;
  return {
    id,
    aliases: [...aliases],
    title,
    summary,
    hosts: hosts.map(({ platform, arch }) => ({ platform, arch: [...arch] })),
    capabilities,
    verified,
    ...(availability === undefined ? {} : { availability }),
  };
}
