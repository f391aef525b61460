// heyvm ssh-proxy: is the ProxyCommand of the aliases.
import { runProxy } from '../../ssh/proxy.ts';
import type { Context } from '../command.ts';

export async function run({ args, paths, interrupts }: Context): Promise<undefined> {
  const { stdin, stdout, stderr } = process;
  await runProxy(paths, args.argument('sandbox'), { stdin, stdout, stderr, signal: interrupts.signal });
}
