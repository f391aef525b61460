// heyvm ssh-proxy: is the ProxyCommand of the aliases.
import { runProxy } from '../../ssh/proxy.ts';
import type { Context } from '../command.ts';
import { streamOf } from '../outlets.ts';

export async function run({ args, call, paths, interrupts }: Context): Promise<undefined> {
  await runProxy(paths, args.argument('sandbox'), {
    stdin: process.stdin,
    stdout: streamOf('stdout'),
    stderr: streamOf('stderr'),
    signal: interrupts.signal,
    settle: async sandbox => {
      await call('sandbox/get', { sandbox, settled: true });
    },
    start: async sandbox => {
      await call('sandbox/start', { sandbox });
    },
  });
}
