// Which function answers which method; the surfaces call nothing else.
import { fail, toSandboxError } from '../core/errors.ts';
import type { Run } from '../core/ports.ts';
import { type Bundle, bundle as ownBundle } from '../platform/bundle.ts';
import { run as ownRun } from '../platform/run.ts';
import type { Call, Handlers, Params, Result } from '../protocol/contract.ts';
import { type HelperContract, helperContract } from '../protocol/helper.ts';
import { parse } from '../protocol/parse.ts';
import type { Paths } from '../store/paths.ts';
import { readSettings } from '../store/settings.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { createSandboxes } from './sandboxes.ts';

export type ServiceOptions = {
  readonly paths: Paths;
  readonly env: NodeJS.ProcessEnv;
  readonly bundle?: Bundle;
  readonly run?: Run;
};

export type Service = { readonly call: Call<HelperContract, AbortSignal> };

/** Holds no state: everything is read from the store with every call. */
export function createService({ paths, env, bundle = ownBundle, run = ownRun }: ServiceOptions): Service {
  const settings = () => readSettings(paths).settings;
  const base = { paths, env, bundle, run, now: Date.now, settings };
  const deps: ServiceDeps = { ...base, sandboxes: createSandboxes(base) };
  const service: Service = {
    call: async (method, params, options) => {
      const context: CallContext = {
        signal: options?.signal ?? new AbortController().signal,
        progress: options?.progress ?? (() => {}),
      };
      try {
        context.signal.throwIfAborted();
        return await dispatch(handlers, { method, params }, context);
      } catch (error) {
        throw toSandboxError(error);
      }
    },
  };
  const handlers = handlersOf(deps, service.call);
  return service;
}

type Table = Handlers<HelperContract, CallContext>;

/** Each noun is loaded with its first call, because reading the store must not cost what making a sandbox costs. */
function handlersOf(deps: ServiceDeps, call: Service['call']): Table {
  const sandboxes = once(async () => (await import('./sandboxHandlers.ts')).sandboxHandlers(deps));
  const moments = once(async () => (await import('./momentHandlers.ts')).momentHandlers(deps));
  const images = once(async () => (await import('./images.ts')).imageHandlers(deps));
  const worktrees = once(async () => (await import('./worktrees.ts')).worktreeHandlers(deps));
  const backends = once(async () => (await import('./backends.ts')).backendHandlers(deps));
  const agents = once(async () => (await import('./agents.ts')).agentHandlers(deps, call));
  const files = once(async () => (await import('./guestFiles.ts')).fileHandlers(deps));
  const doctor = once(async () => (await import('./doctor.ts')).doctorHandlers(deps));
  const ssh = once(async () => (await import('./ssh.ts')).sshHandlers(deps));
  const prune = once(async () => (await import('./prune.ts')).pruneHandlers(deps));
  return {
    'sandbox/list': async (params, context) => (await sandboxes())['sandbox/list'](params, context),
    'sandbox/get': async (params, context) => (await sandboxes())['sandbox/get'](params, context),
    'sandbox/create': async (params, context) => (await sandboxes())['sandbox/create'](params, context),
    'sandbox/run': async (params, context) => (await sandboxes())['sandbox/run'](params, context),
    'sandbox/start': async (params, context) => (await sandboxes())['sandbox/start'](params, context),
    'sandbox/stop': async (params, context) => (await sandboxes())['sandbox/stop'](params, context),
    'sandbox/restart': async (params, context) => (await sandboxes())['sandbox/restart'](params, context),
    'sandbox/pause': async (params, context) => (await moments())['sandbox/pause'](params, context),
    'sandbox/resume': async (params, context) => (await moments())['sandbox/resume'](params, context),
    'sandbox/suspend': async (params, context) => (await moments())['sandbox/suspend'](params, context),
    'sandbox/resize': async (params, context) => (await moments())['sandbox/resize'](params, context),
    'sandbox/snapshot': async (params, context) => (await moments())['sandbox/snapshot'](params, context),
    'sandbox/restore': async (params, context) => (await moments())['sandbox/restore'](params, context),
    'sandbox/fork': async (params, context) => (await moments())['sandbox/fork'](params, context),
    'snapshot/remove': async (params, context) => (await moments())['snapshot/remove'](params, context),
    'sandbox/remove': async (params, context) => (await sandboxes())['sandbox/remove'](params, context),
    'sandbox/log': async (params, context) => (await sandboxes())['sandbox/log'](params, context),
    'sandbox/ports': async (params, context) => (await sandboxes())['sandbox/ports'](params, context),
    'worktree/open': async (params, context) => (await worktrees())['worktree/open'](params, context),
    'worktree/branches': async (params, context) => (await worktrees())['worktree/branches'](params, context),
    'worktree/list': async (params, context) => (await worktrees())['worktree/list'](params, context),
    'worktree/remove': async (params, context) => (await worktrees())['worktree/remove'](params, context),
    'worktree/diff': async (params, context) => (await worktrees())['worktree/diff'](params, context),
    'worktree/merge': async (params, context) => (await worktrees())['worktree/merge'](params, context),
    'backend/list': async (params, context) => (await backends())['backend/list'](params, context),
    'backend/test': async (params, context) => (await backends())['backend/test'](params, context),
    'image/list': async (params, context) => (await images())['image/list'](params, context),
    'image/inspect': async (params, context) => (await images())['image/inspect'](params, context),
    'image/build': async (params, context) => (await images())['image/build'](params, context),
    'image/bootstrap': async (params, context) => (await images())['image/bootstrap'](params, context),
    'image/pull': async (params, context) => (await images())['image/pull'](params, context),
    'image/add': async (params, context) => (await images())['image/add'](params, context),
    'image/remove': async (params, context) => (await images())['image/remove'](params, context),
    'image/prune': async (params, context) => (await images())['image/prune'](params, context),
    'image/publish': async (params, context) => (await images())['image/publish'](params, context),
    'agent/call': async (params, context) => (await agents())['agent/call'](params, context),
    'agent/describe': async (params, context) => (await agents())['agent/describe'](params, context),
    'files/stat': async (params, context) => (await files())['files/stat'](params, context),
    'files/list': async (params, context) => (await files())['files/list'](params, context),
    'files/read': async (params, context) => (await files())['files/read'](params, context),
    'files/write': async (params, context) => (await files())['files/write'](params, context),
    'files/folder': async (params, context) => (await files())['files/folder'](params, context),
    'files/rename': async (params, context) => (await files())['files/rename'](params, context),
    'files/remove': async (params, context) => (await files())['files/remove'](params, context),
    'files/copy': async (params, context) => (await files())['files/copy'](params, context),
    'doctor/run': async (params, context) => (await doctor())['doctor/run'](params, context),
    'ssh/install': async (params, context) => (await ssh())['ssh/install'](params, context),
    'ssh/uninstall': async (params, context) => (await ssh())['ssh/uninstall'](params, context),
    'ssh/status': async (params, context) => (await ssh())['ssh/status'](params, context),
    'prune/run': async (params, context) => (await prune())['prune/run'](params, context),
  };
}

async function dispatch<M extends keyof HelperContract>(
  handlers: Table,
  asked: { readonly method: M; readonly params: Params<HelperContract, M> },
  context: CallContext,
): Promise<Result<HelperContract, M>> {
  const { method } = asked;
  const spec = helperContract[method];
  if (spec === undefined) fail('usage', `unknown method ${String(method)}`);
  const params = parse(spec.params, asked.params);
  if (!params.ok) fail('usage', `${method}: ${params.problem}`);
  const handler: Table[M] = handlers[method];
  return handler(params.value as Params<HelperContract, M>, context);
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => {
    loading ??= load();
    return loading;
  };
}
