// Which function answers which method; the surfaces call nothing else.
import { fail, toSandboxError } from '../core/errors.ts';
import { once } from '../core/once.ts';
import type { Run } from '../core/ports.ts';
import type { Expected } from '../owner/candidate.ts';
import { type Bundle, bundle as ownBundle } from '../platform/bundle.ts';
import { run as ownRun } from '../platform/run.ts';
import type { Call, Handlers, Params, Result } from '../protocol/contract.ts';
import { type HelperContract, helperContract } from '../protocol/helper.ts';
import { parse } from '../protocol/parse.ts';
import type { Paths } from '../store/paths.ts';
import { readSettings } from '../store/settings.ts';
import type { CallContext, CallFor, ServiceDeps } from './deps.ts';
import { createSandboxes } from './sandboxes.ts';

export type ServiceOptions = {
  readonly paths: Paths;
  readonly env: NodeJS.ProcessEnv;
  readonly bundle?: Bundle;
  readonly run?: Run;
  readonly early?: Expected | undefined;
};

export type Service = { readonly call: Call<HelperContract, AbortSignal> };

/** Holds no state: everything is read from the store with every call. Connections and forwards end with the process. */
export function createService(options: ServiceOptions): Service {
  const { paths, env, bundle = ownBundle, run = ownRun, early } = options;
  const settings = () => readSettings(paths).settings;
  const base = { paths, env, bundle, run, early, now: Date.now, settings };
  const deps: ServiceDeps = { ...base, sandboxes: createSandboxes(base) };
  const callFor =
    (agent: CallContext['agent']): Service['call'] =>
    async (method, params, options) => {
      const context: CallContext = {
        signal: options?.signal ?? new AbortController().signal,
        progress: options?.progress ?? (() => {}),
        agent,
      };
      try {
        context.signal.throwIfAborted();
        return await dispatch(loaders, { method, params }, context);
      } catch (error) {
        throw toSandboxError(error);
      }
    };
  const loaders = loadersOf(deps, callFor);
  return { call: callFor(undefined) };
}

type Method = keyof HelperContract & string;
type Noun = Method extends `${infer N}/${string}` ? N : never;
type Table = Handlers<HelperContract, CallContext>;

/** A noun without handlers for all of its methods does not compile. */
type Loaders = {
  readonly [N in Noun]: () => Promise<Pick<Table, Extract<Method, `${N}/${string}`>>>;
};

/** Each noun is loaded with its first call, because reading the store must not cost what making a sandbox costs. */
function loadersOf(deps: ServiceDeps, callFor: CallFor): Loaders {
  return {
    agent: once(async () => (await import('./agents.ts')).agentHandlers(deps, callFor)),
    backend: once(async () => (await import('./backends.ts')).backendHandlers(deps)),
    doctor: once(async () => (await import('./doctor.ts')).doctorHandlers(deps)),
    editor: once(async () => (await import('./editor.ts')).editorHandlers(deps)),
    files: once(async () => (await import('./guestFiles.ts')).fileHandlers(deps)),
    forward: once(async () => (await import('./forwards.ts')).forwardHandlers(deps)),
    image: once(async () => (await import('./images.ts')).imageHandlers(deps)),
    client: once(async () => (await import('./clients.ts')).clientHandlers(deps)),
    project: once(async () => (await import('./projects.ts')).projectHandlers(deps)),
    prune: once(async () => (await import('./prune.ts')).pruneHandlers(deps)),
    sandbox: once(async () => (await import('./sandboxHandlers.ts')).sandboxHandlers(deps)),
    snapshot: once(async () => (await import('./momentHandlers.ts')).momentHandlers(deps)),
    ssh: once(async () => (await import('./ssh.ts')).sshHandlers(deps)),
    worktree: once(async () => (await import('./worktrees.ts')).worktreeHandlers(deps)),
  };
}

async function dispatch<M extends Method>(
  loaders: Loaders,
  asked: { readonly method: M; readonly params: Params<HelperContract, M> },
  context: CallContext,
): Promise<Result<HelperContract, M>> {
  const { method } = asked;
  const spec = helperContract[method];
  if (spec === undefined) fail('usage', `unknown method ${String(method)}`);
  const params = parse(spec.params, asked.params);
  if (!params.ok) fail('usage', `${method}: ${params.problem}`);
  const noun = method.slice(0, method.indexOf('/')) as Noun;
  const handlers = (await loaders[noun]()) as Pick<Table, M>;
  const handler: Table[M] = handlers[method];
  return handler(params.value as Params<HelperContract, M>, context);
}
