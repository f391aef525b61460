// heyvm pause: lets everything in a sandbox stand still.
import type { Context } from '../command.ts';
import { statusText } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const { sandbox } = await call('sandbox/pause', { sandbox: args.argument('sandbox') });
  out.result(sandbox, () => `${sandbox.name} (${sandbox.id}) is ${statusText(sandbox)}`);
  out.note(`next: heyvm resume ${sandbox.name}`);
}
