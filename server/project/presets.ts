// What `heyvm init` can write. A preset is a few files; the last step of each says what to do next.
import { nodePreset } from './presets/node.ts';
import type { Preset } from './presets/preset.ts';
import { pythonPreset } from './presets/python.ts';
import { shellPreset } from './presets/shell.ts';

/** Where the project's own file is. */
export const PROJECT_FILE = '.heyvm/sandbox.yaml';

/** The last one fits everywhere. */
export const presets: readonly Preset[] = [nodePreset, pythonPreset, shellPreset];

export function presetFor(names: readonly string[]): Preset {
  return presets.find(({ signs }) => signs.some(sign => names.includes(sign))) ?? shellPreset;
}
