// heyvm restart: stops a sandbox and starts it again.
import type { Context } from '../command.ts';
import { statusText } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const { sandbox } = await call('sandbox/restart', { sandbox: args.argument('sandbox') });
  out.result(sandbox, () => `${sandbox.name} (${sandbox.id}) is ${statusText(sandbox)}`);
}
