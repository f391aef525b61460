// Tools about sandboxes as a whole: what there are, how one begins, stops and goes.
import { fail } from '../../core/errors.ts';
import type { ToolInput } from '../../protocol/agentTools.ts';
import { parse } from '../../protocol/parse.ts';
import type { SandboxSpec } from '../../protocol/sandbox.ts';
import { SandboxName } from '../../protocol/sandbox.ts';
import { briefOf, type ToolHandlers } from '../tool.ts';

type Tools = Pick<
  ToolHandlers,
  | 'list_sandboxes'
  | 'create_sandbox'
  | 'start_sandbox'
  | 'stop_sandbox'
  | 'remove_sandbox'
  | 'snapshot_sandbox'
  | 'restore_snapshot'
>;

export const sandboxTools: Tools = {
  list_sandboxes: async (_, { call, signal }) => {
    const { sandboxes } = await call('sandbox/list', {}, { signal });
    return { sandboxes: sandboxes.map(briefOf) };
  },
  create_sandbox: async (input, { call, cwd, signal, progress }) => {
    const { branch, repository = cwd, from } = input;
    const spec = specOf(input);
    if (branch === undefined) {
      if (from !== undefined) fail('usage', 'from says where a branch begins, and no branch is named');
      const { sandbox } = await call('sandbox/create', { spec }, { signal, progress });
      return { sandbox: briefOf(sandbox), created: { branch: false, worktree: false, sandbox: true } };
    }
    const { sandbox, created } = await call(
      'worktree/open',
      { cwd: repository, branch, ...(from === undefined ? {} : { from }), spec },
      { signal, progress },
    );
    return { sandbox: briefOf(sandbox), created };
  },
  start_sandbox: async ({ sandbox }, { call, signal, progress }) => {
    const started = await call('sandbox/start', { sandbox }, { signal, progress });
    return { sandbox: briefOf(started.sandbox) };
  },
  stop_sandbox: async ({ sandbox }, { call, signal, progress }) => {
    const stopped = await call('sandbox/stop', { sandbox }, { signal, progress });
    return { sandbox: briefOf(stopped.sandbox) };
  },
  remove_sandbox: async ({ sandbox, force = false }, { call, signal, progress }) => {
    const { sandbox: info } = await call('sandbox/get', { sandbox }, { signal });
    if (info.worktree === undefined) {
      const { id } = await call('sandbox/remove', { sandbox: info.id, force: true }, { signal, progress });
      return { id };
    }
    const { branch, repository } = info.worktree;
    const { path } = await call('worktree/remove', { cwd: repository, branch, force }, { signal, progress });
    return { id: info.id, worktree: path };
  },
  snapshot_sandbox: async ({ sandbox, name }, { call, signal, progress }) => {
    const { snapshot } = await call(
      'sandbox/snapshot',
      { sandbox, ...(name === undefined ? {} : { name }) },
      { signal, progress },
    );
    return { name: snapshot.name, memory: snapshot.memory };
  },
  restore_snapshot: async ({ sandbox, snapshot }, { call, signal, progress }) => {
    const restored = await call('sandbox/restore', { sandbox, snapshot }, { signal, progress });
    return { sandbox: briefOf(restored.sandbox) };
  },
};

function specOf({ name, backend, image, network }: ToolInput<'create_sandbox'>): SandboxSpec {
  const named = name === undefined ? undefined : parse(SandboxName, name);
  if (named?.ok === false) fail('usage', `name: ${named.problem}`);
  return {
    ...(named === undefined ? {} : { name: named.value }),
    ...(backend === undefined ? {} : { backend }),
    ...(image === undefined ? {} : { image }),
    ...(network === undefined ? {} : { network }),
  };
}
