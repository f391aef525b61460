// heyvm ssh-listen: offers ssh of a sandbox on a port of loopback, or ends that.
import type { Context } from '../command.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const on = !args.flag('off');
  const { sandbox } = await call('ssh/listen', { sandbox: args.argument('sandbox'), on });
  const { listen } = sandbox.ssh;
  out.result(listen ?? {}, () => {
    if (listen === undefined) return `ssh of ${sandbox.name} is on no port`;
    if (listen.port === undefined) return `${sandbox.name} offers ssh on a port of its own when it runs`;
    return `ssh ${listen.alias} (127.0.0.1:${listen.port})`;
  });
}
