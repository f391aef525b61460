// Every preset of a project: those for any backend, and those that a backend brings.
import { backends } from '../backends/registry.ts';
import type { ProjectPreset } from '../core/projectPreset.ts';
import { presets } from '../project/presets.ts';

export async function allPresets(): Promise<readonly ProjectPreset[]> {
  const brought = await Promise.all(backends.map(backend => backend.presets?.() ?? []));
  return [...presets, ...brought.flat()];
}
