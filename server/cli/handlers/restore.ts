// heyvm restore: puts a sandbox back to one of its snapshots.
import type { Context } from '../command.ts';
import { statusText } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const snapshot = args.argument('snapshot');
  const { sandbox } = await call('sandbox/restore', { sandbox: args.argument('sandbox'), snapshot });
  out.result(
    sandbox,
    () => `${sandbox.name} (${sandbox.id}) is as it was at ${snapshot}, and ${statusText(sandbox)}`,
  );
}
