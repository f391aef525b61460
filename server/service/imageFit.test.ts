// Which backends an image fits, told from manifests and the store alone.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backends } from '../backends/registry.ts';
import type { ImageKind } from '../protocol/backend.ts';
import { pathsOf } from '../store/paths.ts';
import { readSettings } from '../store/settings.ts';
import { backendsFor, imageMisfit } from './imageFit.ts';

describe('which backends an image fits', () => {
  const home = mkdtempSync(join(tmpdir(), 'hvi-'));
  const paths = pathsOf({ HEYO_HOME: home });
  const deps = { paths, settings: () => readSettings(paths).settings };
  after(() => rmSync(home, { recursive: true, force: true }));

  const cases: readonly (readonly [image: string, kinds: readonly ImageKind[]])[] = [
    ['mcr.microsoft.com/devcontainers/base:bookworm', ['oci']],
    ['node:22', ['oci']],
    ['nothing-of-that-name', ['oci']],
    ['debian:12', ['oci', 'disk']],
    ['wasmer/coreutils', ['oci', 'wasm-package']],
    ['/some/where/tool.wasm', ['wasm-core', 'wasm-component', 'wasm-package']],
  ];
  for (const [image, kinds] of cases) {
    it(`${image}: those for ${kinds.join(', ')}`, async () => {
      for (const backend of backends) {
        const { id, capabilities } = backend.manifest;
        const fits = (capabilities.images ?? []).some(kind => kinds.includes(kind));
        const misfit = await imageMisfit(deps, backend, image);
        assert.equal(misfit === undefined, fits, `${id}: ${misfit}`);
      }
    });
  }

  it('names the most preferred first, and those of this machine only', async () => {
    const found = await backendsFor(deps, 'debian:12');
    const ranks = found.map(
      id => backends.find(({ manifest }) => manifest.id === id)?.manifest.rank.worktree ?? 0,
    );
    assert.deepEqual(
      ranks,
      ranks.toSorted((left, right) => right - left),
    );
    for (const { manifest } of backends) {
      const here = manifest.hosts.some(
        ({ platform, arch }) => platform === process.platform && arch.includes(process.arch),
      );
      if (!here) assert.ok(!found.includes(manifest.id), manifest.id);
    }
  });
});
