// heyvm images build: builds an image from a Dockerfile.
import { join, resolve } from 'node:path';
import { fail } from '../../../core/errors.ts';
import type { Context } from '../../command.ts';
import { showMade } from './details.ts';

export async function run({ args, out, call, cwd }: Context): Promise<undefined> {
  const name = args.string('name');
  if (name === undefined) {
    fail('usage', 'images build needs a name', { hint: 'for example: heyvm images build --name my-base' });
  }
  const folder = resolve(cwd, args.string('context') ?? '.');
  const size = sizeOf(args.string('size-mb') ?? 'auto');
  const backend = args.string('backend');
  const target = args.string('target');
  const answer = await call('image/build', {
    name,
    context: folder,
    file:
      args.string('file') === undefined
        ? join(folder, 'Dockerfile')
        : resolve(cwd, args.string('file') ?? ''),
    ...(size === undefined ? {} : { size_mb: size }),
    ...(backend === undefined ? {} : { backend }),
    ...(target === undefined ? {} : { target }),
    arguments: Object.fromEntries(args.list('build-arg').map(pairOf)),
  });
  showMade(out, answer);
}

function sizeOf(text: string): number | undefined {
  if (text === 'auto') return undefined;
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  return fail('usage', `--size-mb ${text}: must be a number of MiB or auto`);
}

function pairOf(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  return fail('usage', `--build-arg ${text}: must be NAME=VALUE`);
}
