// Calls a tool for an agent: checks what it was given, runs it, and says beforehand what it would do.
import { fail } from '../core/errors.ts';
import { connectOwner } from '../owner/connect.ts';
import {
  agentTools,
  type ToolInput,
  type ToolName,
  ToolNames,
  type ToolOutput,
} from '../protocol/agentTools.ts';
import type { Call, CallOptions } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { parse } from '../protocol/parse.ts';
import type { Paths } from '../store/paths.ts';
import { findEntry } from '../store/sandboxes.ts';
import { createOutputs } from './outputs.ts';
import type { ReachableGuest, ToolContext, ToolHandlers } from './tool.ts';
import { branchTools } from './tools/branches.ts';
import { fileTools } from './tools/files.ts';
import { programTools } from './tools/programs.ts';
import { sandboxTools } from './tools/sandboxes.ts';

type AgentCallOptions = Required<CallOptions<AbortSignal>> & {
  readonly call: Call<HelperContract, AbortSignal>;
};

export type Agents = {
  /** Fails with `usage` when there is no such tool or the input does not fit. */
  readonly callTool: <N extends ToolName>(
    tool: { readonly name: N; readonly input: unknown; readonly cwd: string },
    options: AgentCallOptions,
  ) => Promise<ToolOutput<N>>;
};

const handlers: ToolHandlers = { ...sandboxTools, ...programTools, ...fileTools, ...branchTools };

export function createAgents(paths: Paths): Agents {
  const outputs = createOutputs();
  return {
    callTool: async ({ name, input, cwd }, { call, signal, progress }) => {
      const reach: ToolContext['reach'] = (sandbox, ending) => reachGuest({ call, paths }, sandbox, ending);
      const context: ToolContext = { call, reach, outputs, cwd, signal, progress };
      const handler: ToolHandlers[typeof name] = handlers[name];
      return await handler(parseInput(name, input), context);
    },
  };
}

export function parseToolName(name: string): ToolName {
  const known = parse(ToolNames, name);
  return known.ok ? known.value : fail('usage', `there is no tool ${JSON.stringify(name)}`);
}

export function parseInput<N extends ToolName>(name: N, input: unknown): ToolInput<N> {
  const parsed = parse(agentTools[name].input, input);
  if (!parsed.ok) return fail('usage', `${name}: ${parsed.problem}`);
  return parsed.value as ToolInput<N>;
}

/** A guest that outlived its owner is taken over first; one that is starting is waited for. */
async function reachGuest(
  { call, paths }: { readonly call: ToolContext['call']; readonly paths: Paths },
  target: string,
  signal: AbortSignal,
): Promise<ReachableGuest> {
  const { sandbox } = await call('sandbox/get', { sandbox: target, settled: true }, { signal });
  if (sandbox.status === 'running' || sandbox.status === 'starting')
    return connectOwner(await findEntry(paths, sandbox.id)).guest;
  return fail('not-running', `${sandbox.name} is ${sandbox.status}`, { hint: 'start_sandbox starts it' });
}
