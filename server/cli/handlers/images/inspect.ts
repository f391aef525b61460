// heyvm images inspect: prints one image with its files.

import { bytes } from '../../../core/amounts.ts';
import type { Context } from '../../command.ts';
import { table } from '../../render.ts';
import { imageDetails } from './details.ts';

export async function run({ args, out, call }: Context): Promise<number> {
  const { image, files } = await call('image/inspect', { name: args.argument('image') });
  const rows = files.map(file => [
    file.role,
    bytes(file.bytes),
    file.intact ? ({ text: 'intact', style: 'green' } as const) : ({ text: 'broken', style: 'red' } as const),
    file.path,
  ]);
  out.result(
    { image, files },
    () => `${imageDetails(image, out.paint)}\n\n${table(out, ['FILE', 'SIZE', 'STATE', 'PATH'], rows)}`,
  );
  const broken = files.some(file => !file.intact);
  if (broken) out.warn(`${image.name} cannot be used: make it again with the same content`);
  return broken ? 1 : 0;
}
