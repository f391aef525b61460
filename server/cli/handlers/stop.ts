// heyvm stop: stops a running sandbox.
import type { Context } from '../command.ts';
import { statusText } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const grace = args.number('grace');
  const { sandbox } = await call('sandbox/stop', {
    sandbox: args.argument('sandbox'),
    ...(grace === undefined ? {} : { grace_ms: grace }),
  });
  out.result(sandbox, () => `${sandbox.name} (${sandbox.id}) is ${statusText(sandbox)}`);
}
