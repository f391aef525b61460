// The methods about tools for agents.
import { createAgents, parseToolName } from '../agents/agents.ts';
import { describeTool } from '../agents/describe.ts';
import { wordsOf } from '../agents/words.ts';
import type { Call, Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

type Methods = Extract<keyof HelperContract, `agent/${string}`>;

/** Tools call the service like everybody else. */
export function agentHandlers(
  { paths }: Pick<ServiceDeps, 'paths'>,
  call: Call<HelperContract, AbortSignal>,
): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const agents = createAgents({ call, paths });
  return {
    'agent/call': async ({ name, input, cwd }, context) => {
      const tool = parseToolName(name);
      const output = await agents.callTool({ name: tool, input, cwd }, context);
      return { text: wordsOf(tool, output), output };
    },
    'agent/describe': async ({ name, input }, { signal }) => {
      const { facts, ...rest } = await describeTool({ name: parseToolName(name), input }, call, signal);
      return { ...rest, facts: [...facts] };
    },
  };
}
