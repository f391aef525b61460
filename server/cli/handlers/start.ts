// heyvm start: starts a stopped sandbox.
import type { Context } from '../command.ts';
import { statusText } from '../render.ts';
import { portsOf } from '../spec.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const ports = portsOf(args);
  const { sandbox } = await call('sandbox/start', {
    sandbox: args.argument('sandbox'),
    ...(ports.length === 0 ? {} : { ports: [...ports] }),
    ...(args.flag('cold') ? { cold: true } : {}),
  });
  out.result(sandbox, () => `${sandbox.name} (${sandbox.id}) is ${statusText(sandbox)}`);
}
