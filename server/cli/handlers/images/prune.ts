// heyvm images prune: removes what no image and no sandbox needs, after showing it.

import { bytes } from '../../../core/amounts.ts';
import type { Result } from '../../../protocol/contract.ts';
import type { HelperContract } from '../../../protocol/helper.ts';
import { confirm } from '../../ask.ts';
import type { Context } from '../../command.ts';
import { table } from '../../render.ts';

type Removed = Result<HelperContract, 'image/prune'>['removed'];

export async function run(context: Context): Promise<undefined> {
  const { args, out, call } = context;
  const unused = args.flag('unused');
  const dryRun = args.flag('dry-run');
  if (dryRun || !args.flag('yes')) {
    const { removed } = await call('image/prune', { dry_run: true, unused });
    if (dryRun || removed.length === 0) {
      out.result({ removed, dry_run: dryRun }, () => removedText(context, removed));
      out.note(removed.length === 0 ? nothing(unused) : `${total(removed)} would be free`);
      return;
    }
    out.note(removedText(context, removed));
    await confirm(context, `remove all of that (${total(removed)})?`);
  }
  const { removed } = await call('image/prune', { unused });
  out.result({ removed, dry_run: false }, () => removedText(context, removed));
  out.note(removed.length === 0 ? nothing(unused) : `${total(removed)} are free again`);
}

function nothing(unused: boolean): string {
  return unused ? 'nothing to remove' : 'nothing to remove; --unused also takes images that no sandbox uses';
}

function removedText({ out }: Context, removed: Removed): string {
  const rows = removed.map(({ what, path, bytes: size }) => [what, bytes(size), path]);
  return rows.length === 0 ? '' : table(out, ['WHAT', 'SIZE', 'PATH'], rows);
}

function total(removed: Removed): string {
  return bytes(removed.reduce((sum, { bytes: size }) => sum + size, 0));
}
