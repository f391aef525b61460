// heyvm resume: lets a paused or suspended sandbox go on.
import type { Context } from '../command.ts';
import { statusText } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const { sandbox } = await call('sandbox/resume', { sandbox: args.argument('sandbox') });
  out.result(sandbox, () => `${sandbox.name} (${sandbox.id}) is ${statusText(sandbox)}`);
}
