// heyvm mcp: the tools for agents, over standard input and output.
import { resolve } from 'node:path';
import { serveMcp } from '../../agents/mcp.ts';
import { bundle } from '../../platform/bundle.ts';
import type { Context } from '../command.ts';

export async function run({ args, call, cwd }: Context): Promise<undefined> {
  const tools = args.flag('read-only') ? 'reads' : 'all';
  const folders = [cwd, ...args.list('repository').map(folder => resolve(cwd, folder))];
  await serveMcp({ call, cwd, folders, version: bundle.build, tools });
}
