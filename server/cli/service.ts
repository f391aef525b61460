// The service in this process, loaded when a command first calls it.
import type { Expected } from '../owner/candidate.ts';
import type { Call } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { Paths } from '../store/paths.ts';
import type { Output } from './output.ts';
import { createProgress } from './progress.ts';

type ServiceCall = Call<HelperContract, AbortSignal>;

export function lazyService(options: {
  out: Output;
  env: NodeJS.ProcessEnv;
  paths: Paths;
  signal: AbortSignal;
  early: Expected | undefined;
}): ServiceCall {
  const { out, env, paths, signal, early } = options;
  let loading: Promise<ServiceCall> | undefined;
  const load = async (): Promise<ServiceCall> => {
    const { createService } = await import('../service/service.ts');
    return createService({ paths, env, early }).call;
  };
  return async (method, params, callOptions) => {
    loading ??= load();
    const call = await loading;
    const line = createProgress(out);
    try {
      return await call(method, params, { signal, progress: line.report, ...callOptions });
    } finally {
      line.clear();
    }
  };
}
