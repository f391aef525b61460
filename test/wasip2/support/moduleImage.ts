// An image that is one file of WebAssembly, as a backend gets it.
import type { ResolvedImage } from '../../../server/core/image.ts';
import { ImageManifest } from '../../../server/protocol/image.ts';

export async function moduleImage(path: string, name: string): Promise<ResolvedImage> {
  const digest = `sha256:${'0'.repeat(64)}`;
  const manifest = ImageManifest.parse({
    version: 1,
    name,
    digest,
    source: { kind: 'file', from: path },
    os: { id: 'none', version: '', libc: 'none' },
    arch: 'any',
    runtimes: ['wasm'],
    init: 'none',
    config: { env: {}, entrypoint: [], cmd: [] },
    files: [{ role: 'program', format: 'wasm-component', digest, bytes: 1 }],
    created_at: '2026-01-01T00:00:00.000Z',
  });
  return { kind: 'stored', name, manifest, file: role => (role === 'program' ? path : undefined) };
}
