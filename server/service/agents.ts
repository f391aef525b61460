// The methods about tools for agents.
import { createAgents, parseToolName } from '../agents/agents.ts';
import { describeTool } from '../agents/describe.ts';
import { wordsOf } from '../agents/words.ts';
import { fail } from '../core/errors.ts';
import { agentTools } from '../protocol/agentTools.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { CallContext, CallFor, ServiceDeps } from './deps.ts';

type Methods = Extract<keyof HelperContract, `agent/${string}`>;

/** Tools call the service like everybody else. */
export function agentHandlers(
  { paths }: Pick<ServiceDeps, 'paths'>,
  callFor: CallFor,
): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const agents = createAgents(paths);
  return {
    'agent/call': async ({ name, input, cwd, folders = [cwd], tools = 'all' }, context) => {
      const tool = parseToolName(name);
      if (tools === 'reads' && agentTools[tool].effect !== 'reads')
        fail('policy-refused', `${tool} is not offered: this server only reads`);
      const call = callFor({ folders, tools });
      const output = await agents.callTool({ name: tool, input, cwd }, { ...context, call });
      return { text: wordsOf(tool, output), output };
    },
    'agent/describe': async ({ name, input }, { signal }) => {
      const { facts, ...rest } = await describeTool(
        { name: parseToolName(name), input },
        callFor(undefined),
        signal,
      );
      return { ...rest, facts: [...facts] };
    },
  };
}
