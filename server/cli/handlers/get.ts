// heyvm get: prints everything about one sandbox.
import type { Context } from '../command.ts';
import { sandboxDetails } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const { sandbox } = await call('sandbox/get', { sandbox: args.argument('sandbox') });
  out.result(sandbox, () => sandboxDetails(sandbox, out.paint));
}
