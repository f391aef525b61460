// heyvm prune: removes leftovers after showing them.

import { bytes } from '../../core/amounts.ts';
import type { Result } from '../../protocol/contract.ts';
import type { HelperContract } from '../../protocol/helper.ts';
import { confirm } from '../ask.ts';
import type { Context } from '../command.ts';
import { table } from '../render.ts';

type Removed = Result<HelperContract, 'prune/run'>['removed'];

export async function run(context: Context): Promise<undefined> {
  const { args, out, call } = context;
  const stopped = args.flag('stopped');
  const dryRun = args.flag('dry-run');
  if (dryRun || !args.flag('yes')) {
    const { removed } = await call('prune/run', { dry_run: true, stopped });
    if (dryRun) {
      out.result({ removed, dry_run: dryRun }, () => removedText(context, removed));
      out.note(removed.length === 0 ? 'nothing to remove' : `${total(removed)} would be free`);
      return;
    }
    // What a dead sandbox left in an engine is found only while it is removed, and nobody can want it back.
    if (removed.length > 0) {
      out.note(removedText(context, removed));
      await confirm(context, `remove all of that (${total(removed)})?`);
    }
  }
  const { removed } = await call('prune/run', { stopped });
  out.result({ removed, dry_run: false }, () => removedText(context, removed));
  out.note(removed.length === 0 ? 'nothing to remove' : `${total(removed)} are free again`);
}

function removedText({ out }: Context, removed: Removed): string {
  const rows = removed.map(({ what, path, bytes: size }) => [what, bytes(size), path]);
  return rows.length === 0 ? '' : table(out, ['WHAT', 'SIZE', 'PATH'], rows);
}

function total(removed: Removed): string {
  return bytes(removed.reduce((sum, { bytes: size }) => sum + size, 0));
}
