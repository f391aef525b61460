// heyvm mcp: the tools for agents, over standard input and output.
import { resolve } from 'node:path';
import { serveMcp } from '../../agents/mcp.ts';
import { fail } from '../../core/errors.ts';
import { bundle } from '../../platform/bundle.ts';
import type { Context } from '../command.ts';

export async function run(context: Context): Promise<undefined> {
  const { args, call, cwd } = context;
  if (args.string('install') !== undefined) {
    const { installIn } = await import('../clientConfig.ts');
    return installIn(context);
  }
  if (args.flag('yes')) fail('usage', '--yes needs --install');
  const tools = args.flag('read-only') ? 'reads' : 'all';
  const folders = [cwd, ...args.list('repository').map(folder => resolve(cwd, folder))];
  await serveMcp({ call, cwd, folders, version: bundle.build, tools });
}
