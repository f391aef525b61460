// heyvm images publish: gives an image away.
import { resolve } from 'node:path';
import { bytes } from '../../../core/amounts.ts';
import type { Context } from '../../command.ts';

export async function run({ args, out, call, cwd }: Context): Promise<undefined> {
  const to = args.argument('to');
  const place = to.startsWith('docker://') ? to : resolve(cwd, to.replace(/^oci-archive:/, ''));
  const published = await call('image/publish', { name: args.argument('image'), to: place });
  out.result(published, () => `${published.to}  ${bytes(published.bytes)}  ${published.digest}`);
}
