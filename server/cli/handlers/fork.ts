// heyvm fork: makes running copies of a sandbox.
import type { Context } from '../command.ts';
import { table } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const count = args.number('count');
  const made = await call('sandbox/fork', {
    sandbox: args.argument('sandbox'),
    ...(count === undefined ? {} : { count }),
  });
  out.result(made, () => {
    const rows = made.sandboxes.map(({ name, id, worktree }) => [name, id, worktree?.branch ?? '-']);
    return table(out, ['NAME', 'ID', 'BRANCH'], rows);
  });
  if (made.why_no_memory !== undefined) out.note(`no running programs in them: ${made.why_no_memory}`);
  const [first] = made.sandboxes;
  if (first !== undefined) out.note(`next: heyvm sh ${first.name}`);
}
