// The methods about tools for agents.
import { createAgents, parseToolName } from '../agents/agents.ts';
import { describeTool } from '../agents/describe.ts';
import { wordsOf } from '../agents/words.ts';
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
    'agent/call': async ({ name, input, cwd, folders = [cwd] }, context) => {
      const tool = parseToolName(name);
      const call = callFor({ folders });
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
