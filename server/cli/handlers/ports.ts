// heyvm ports: prints what listens inside.
import type { Context } from '../command.ts';
import { table } from '../render.ts';

export async function run({ args, out, call }: Context): Promise<undefined> {
  const target = args.argument('sandbox');
  const { ports } = await call('sandbox/ports', { sandbox: target });
  out.result(ports, () => {
    const rows = ports.map(({ port, address }) => [String(port), address]);
    return rows.length === 0 ? '' : table(out, ['PORT', 'ADDRESS'], rows);
  });
  const [first] = ports;
  if (first === undefined) out.note(`nothing listens inside ${target} yet`);
  else out.note(`reach one here with: heyvm forward ${target} ${first.port}`);
}
