// The methods about backends: what each promises, and on request what this machine has of it.
import { backends } from '../backends/registry.ts';
import type { Backend } from '../core/backend.ts';
import { resolveBackend } from '../core/choose.ts';
import type { Availability, BackendInfo } from '../protocol/backend.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { availabilityOf } from './availability.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

export function backendHandlers(
  deps: ServiceDeps,
): Pick<Handlers<HelperContract, CallContext>, 'backend/list' | 'backend/test'> {
  return {
    'backend/test': async (params, context) => {
      const { testBackend } = await import('./backendTest.ts');
      return testBackend(deps, params, context);
    },
    'backend/list': async ({ id, probe = false }, { signal }) => {
      const asked = id === undefined ? backends : [resolveBackend(backends, id)];
      const infos = asked.map(async backend =>
        probe ? describe(backend, await availabilityOf(deps, backend, signal)) : describe(backend),
      );
      return { backends: await Promise.all(infos) };
    },
  };
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
