// heyvm images bootstrap: makes a base image from packages.
import type { Context } from '../../command.ts';
import { showMade } from './details.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const name = args.string('name');
  const mirror = args.string('mirror');
  const include = args.list('include');
  const answer = await call('image/bootstrap', {
    base: args.argument('base'),
    ...(name === undefined ? {} : { name }),
    ...(mirror === undefined ? {} : { mirror }),
    ...(include.length === 0 ? {} : { include: [...include] }),
  });
  showMade(out, answer);
}
