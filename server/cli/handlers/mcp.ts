// heyvm mcp: the tools for agents, over standard input and output.
import { serveMcp } from '../../agents/mcp.ts';
import { bundle } from '../../platform/bundle.ts';
import type { Context } from '../command.ts';

export async function run({ args, call, cwd }: Context): Promise<undefined> {
  const tools = args.flag('read-only') ? 'reads' : 'all';
  await serveMcp({ call, cwd, version: bundle.build, tools });
}
