// heyvm images list: prints all images as a table.

import { bytes } from '../../../core/amounts.ts';
import type { ImageInfo } from '../../../protocol/image.ts';
import type { Context } from '../../command.ts';
import { age, type Cell, table } from '../../render.ts';
import { warnOfProblems } from '../../warnings.ts';

export async function run({ out, call }: Context): Promise<undefined> {
  const { images, problems } = await call('image/list', {});
  out.result(images, () => (images.length === 0 ? '' : listText(out, images)));
  if (images.length === 0 && problems.length === 0) {
    out.note(
      'no images yet; make one with: heyvm images bootstrap debian:12, or take a file: heyvm images add <file> <name>',
    );
  }
  warnOfProblems(out, problems);
}

function listText(out: Context['out'], images: readonly ImageInfo[]): string {
  const rows = images.map((image): Cell[] => [
    image.name,
    `${image.os.id} ${image.os.version}`.trim(),
    image.arch,
    bytes(image.bytes),
    age(image.created_at),
    image.backends.length === 0 ? { text: 'none here', style: 'yellow' } : image.backends.join(', '),
    image.used_by.length === 0 ? '-' : image.used_by.join(', '),
  ]);
  return table(out, ['NAME', 'SYSTEM', 'ARCH', 'SIZE', 'AGE', 'BACKENDS', 'USED BY'], rows);
}
