// heyvm mcp: the tools for agents, over standard input and output.
import { createAgents } from '../../agents/agents.ts';
import { serveMcp } from '../../agents/mcp.ts';
import { bundle } from '../../platform/bundle.ts';
import type { Context } from '../command.ts';

export async function run({ args, call, cwd, paths }: Context): Promise<undefined> {
  const agents = createAgents({ call, paths, cwd });
  await serveMcp({ agents, version: bundle.build, tools: args.flag('read-only') ? 'reads' : 'all' });
}
