// heyvm editor open: the editor of a sandbox in a browser of this machine.
import { once } from 'node:events';
import { fail } from '../../../core/errors.ts';
import { forwardPort } from '../../../service/forwarding.ts';
import type { Context } from '../../command.ts';
import { openGuest } from '../../guest.ts';
import { INTERRUPTED } from '../../interrupts.ts';
import { productFrom } from './product.ts';

export async function run(context: Context): Promise<number> {
  const { args, out, call, paths, interrupts } = context;
  const sandbox = args.argument('sandbox');
  const product = await productFrom(context);
  if (!args.flag('accept-license'))
    fail('usage', 'the server starts only for who accepts its licence terms', {
      hint: `read them at ${product.license_url ?? 'the vendor of the editor'}, then add --accept-license`,
    });
  const { port, token } = await call('editor/serve', { sandbox, product });
  const { guest } = await openGuest(paths, sandbox, interrupts.signal);
  const forwarding = await forwardPort(guest, { guest: port, host: 0 }, text => out.warn(text));
  try {
    const url = `http://127.0.0.1:${forwarding.host}/?tkn=${token}&folder=/workspace`;
    out.result({ url, port: forwarding.host }, () => url);
    out.note('until Ctrl-C');
    if (!interrupts.signal.aborted) await once(interrupts.signal, 'abort');
    return INTERRUPTED;
  } finally {
    forwarding.close();
  }
}
