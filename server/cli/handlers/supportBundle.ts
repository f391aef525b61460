// heyvm support-bundle: writes one file for somebody who helps.
import { resolve } from 'node:path';
import type { Context } from '../command.ts';

export async function run({ args, out, call, cwd }: Context): Promise<undefined> {
  const now = new Date().toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
  const path = resolve(cwd, args.optional('file') ?? `heyvm-support-${now}.tar.gz`);
  const made = await call('doctor/bundle', { path });
  out.result(made, () => made.path);
  out.note(`${made.files.length} files, ${made.redacted} secrets taken out; look at it before you send it`);
}
