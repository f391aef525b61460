// What a tool is given when an agent calls it.
import type { Guest } from '../core/guest.ts';
import type { SandboxBrief, ToolInput, ToolName, ToolOutput } from '../protocol/agentTools.ts';
import type { Call, Progress } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { SandboxInfo } from '../protocol/sandbox.ts';
import type { Outputs } from './outputs.ts';

export type ReachableGuest = Pick<Guest, 'exec' | 'sftp'>;

export type ToolContext = {
  readonly call: Call<HelperContract, AbortSignal>;
  /** The guest of a running sandbox. */
  readonly reach: (sandbox: string, signal: AbortSignal) => Promise<ReachableGuest>;
  readonly outputs: Outputs;
  /** The folder that a call on repositories means when it names none. */
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
};

export type ToolHandlers = {
  readonly [N in ToolName]: (input: ToolInput<N>, context: ToolContext) => Promise<ToolOutput<N>>;
};

export function briefOf(info: SandboxInfo): SandboxBrief {
  const { worktree } = info;
  return {
    id: info.id,
    name: info.name,
    status: info.status,
    backend: info.backend_type,
    network: info.policy.network,
    ...(worktree === undefined
      ? {}
      : { branch: worktree.branch, repository: worktree.repository, worktree: worktree.path }),
  };
}
