// heyvm images add: takes a file of this machine into the store.
import { resolve } from 'node:path';
import type { Context } from '../../command.ts';
import { imageDetails, nextStep } from './details.ts';

export async function run({ args, out, call, cwd }: Context): Promise<undefined> {
  const kernel = args.string('kernel');
  const initrd = args.string('initrd');
  const { image } = await call('image/add', {
    path: resolve(cwd, args.argument('file')),
    name: args.argument('name'),
    ...(kernel === undefined ? {} : { kernel: resolve(cwd, kernel) }),
    ...(initrd === undefined ? {} : { initrd: resolve(cwd, initrd) }),
  });
  out.result({ image }, () => imageDetails(image, out.paint));
  out.note(nextStep(image));
}
