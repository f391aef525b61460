// heyvm snapshot: keeps what a sandbox is now, or removes a snapshot.
import { fail } from '../../core/errors.ts';
import type { Context } from '../command.ts';

export async function run(context: Context): Promise<undefined> {
  const { args, out, call } = context;
  const target = args.argument('sandbox');
  const name = args.optional('name');
  const unwanted = args.string('remove');
  if (unwanted !== undefined) return remove(context, unwanted);
  const taken = await call('sandbox/snapshot', {
    sandbox: target,
    ...(name === undefined ? {} : { name }),
    ...(args.flag('no-memory') ? { memory: false } : {}),
  });
  const { sandbox, snapshot, why_no_memory: why } = taken;
  out.result(taken, () => {
    const what = snapshot.memory ? 'with its running programs' : 'without running programs';
    return `${sandbox.name} is kept as ${snapshot.name}, ${what}`;
  });
  if (why !== undefined) out.note(`no running programs in it: ${why}`);
  out.note(`next: heyvm restore ${sandbox.name} ${snapshot.name}`);
}

async function remove({ args, out, call }: Context, snapshot: string): Promise<undefined> {
  if (args.optional('name') !== undefined || args.flag('no-memory')) {
    fail('usage', '--remove stands alone', { hint: 'leave out what takes a snapshot' });
  }
  const { sandbox } = await call('snapshot/remove', { sandbox: args.argument('sandbox'), snapshot });
  out.result(sandbox, () => `removed the snapshot ${snapshot} of ${sandbox.name}`);
}
