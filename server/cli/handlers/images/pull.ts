// heyvm images pull: downloads a known base.
import type { Context } from '../../command.ts';
import { showMade } from './details.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  showMade(out, await call('image/pull', { name: args.argument('base') }));
}
