// The disk that stands in for those of vendors, as an image of a store would be.
import { statSync } from 'node:fs';
import type { StoredImage } from '../../server/core/image.ts';
import { ImageManifest } from '../../server/protocol/image.ts';

export function vendorImage(disk: string): StoredImage {
  const digest = `sha256:${'0'.repeat(64)}`;
  const manifest = ImageManifest.parse({
    version: 1,
    name: 'vendor:12',
    digest,
    source: { kind: 'file', from: disk },
    os: { id: 'debian', version: '12', libc: 'glibc' },
    arch: 'x64',
    runtimes: ['shell', 'python'],
    init: 'cloud-init',
    config: { env: {}, entrypoint: [], cmd: [] },
    files: [{ role: 'disk', format: 'qcow2', digest, bytes: statSync(disk).size }],
    created_at: new Date(0).toISOString(),
  });
  return {
    kind: 'stored',
    name: manifest.name,
    manifest,
    file: role => (role === 'disk' ? disk : undefined),
  };
}
