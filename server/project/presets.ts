// What `heyvm init` can write. A preset is a few files; the last step of each says what to do next.

import type { ProjectPreset } from '../core/projectPreset.ts';
import { nodePreset } from './presets/node.ts';
import { pythonPreset } from './presets/python.ts';
import { shellPreset } from './presets/shell.ts';

/** Where the project's own file is. */
export const PROJECT_FILE = '.heyvm/sandbox.yaml';

/** The last one fits everywhere. */
export const presets: readonly ProjectPreset[] = [nodePreset, pythonPreset, shellPreset];

export function presetFor(names: readonly string[]): ProjectPreset {
  return presets.find(({ signs }) => signs.some(sign => names.includes(sign))) ?? shellPreset;
}
