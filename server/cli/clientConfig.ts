// heyvm mcp --install: adds heyvm to the configuration of a program for agents, after showing what changes.
import { resolve } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { confirm } from './ask.ts';
import type { Context } from './command.ts';

export async function installIn(context: Context): Promise<undefined> {
  const { args, out, call, cwd } = context;
  const client = args.string('install') ?? '';
  const target = {
    client,
    folder: cwd,
    read_only: args.flag('read-only'),
    repositories: args.list('repository').map(folder => resolve(cwd, folder)),
  };
  const { title, path, changed, before = '', after } = await call('client/preview', target);
  if (!changed) {
    out.result({ client, path, changed }, () => `${path} has heyvm already`);
    return;
  }
  if (!args.flag('yes')) {
    const patch = createTwoFilesPatch(path, path, before, after, undefined, undefined, { context: 3 });
    if (out.format === 'text') await out.writeForeign(patch);
    await confirm(context, `change ${path} for ${title}?`);
  }
  const done = await call('client/install', { ...target, after });
  out.result({ client, ...done }, () => `added heyvm to ${path}`);
  out.note('programs that run already have to be started again, or told to look at their servers');
}
