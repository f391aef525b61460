// heyvm suspend: writes a running sandbox to disk.
import type { Context } from '../command.ts';
import { statusText } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const { sandbox } = await call('sandbox/suspend', { sandbox: args.argument('sandbox') });
  out.result(sandbox, () => `${sandbox.name} (${sandbox.id}) is ${statusText(sandbox)}`);
  out.note(`next: heyvm resume ${sandbox.name}`);
}
