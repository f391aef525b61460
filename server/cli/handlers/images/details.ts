// What commands say about one image.

import { bytes } from '../../../core/amounts.ts';
import type { ImageInfo } from '../../../protocol/image.ts';
import type { Context } from '../../command.ts';
import { age, fields } from '../../render.ts';

const inits: Readonly<Record<ImageInfo['init'], string>> = {
  heyvm: 'heyvm’s own ramdisk starts the guest program',
  'cloud-init': 'cloud-init starts the guest program',
  none: 'nothing boots',
};

const sources: Readonly<Record<ImageInfo['source']['kind'], string>> = {
  bootstrap: 'made from the packages of',
  build: 'built from',
  download: 'downloaded from',
  file: 'taken from',
};

export function imageDetails(image: ImageInfo, paint: Context['out']['paint']): string {
  const { os, config, used_by: users } = image;
  const variables = Object.entries(config.env).map(([name, value]) => `${name}=${value}`);
  const command = [...config.entrypoint, ...config.cmd];
  return fields(paint, [
    ['name', image.name],
    ['digest', image.digest],
    ['source', `${sources[image.source.kind]} ${image.source.from}`],
    [
      'system',
      `${os.id} ${os.version}, ${os.libc === 'none' ? 'no C library' : os.libc}, ${image.arch === 'any' ? 'any processor' : image.arch}`,
    ],
    ['runtimes', image.runtimes.length === 0 ? 'none' : image.runtimes.join(', ')],
    ['init', inits[image.init]],
    ['size', bytes(image.bytes)],
    ['backends', image.backends.length === 0 ? 'none of this machine' : image.backends.join(', ')],
    ['used by', users.length === 0 ? 'no sandbox' : users.join(', ')],
    ['env', variables.length === 0 ? undefined : variables.join(' ')],
    ['user', config.user],
    ['workdir', config.workdir],
    ['command', command.length === 0 ? undefined : command.join(' ')],
    ['created', `${image.created_at} (${age(image.created_at)} ago)`],
  ]);
}

/** One line after something was made, and what to do with it. */
export function showMade(
  out: Context['out'],
  { image, cached }: { image: ImageInfo; cached: boolean },
): void {
  out.result({ image, cached }, () => `${image.name}  ${bytes(image.bytes)}  ${image.digest.slice(0, 19)}`);
  out.note(cached ? 'it was here already' : nextStep(image));
}

export function nextStep({ name, backends }: ImageInfo): string {
  const [backend] = backends;
  return backend === undefined
    ? 'no backend of this version runs it on this machine'
    : `next: heyvm create --backend ${backend} --image ${name}`;
}
