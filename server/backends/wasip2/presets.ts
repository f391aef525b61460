// Small projects that this backend runs, for `heyvm init`. What builds them is the project's own, never the product's.
import type { ProjectPreset } from '../../core/projectPreset.ts';
import { command } from './presets/command.ts';
import { http } from './presets/http.ts';

export const presets: readonly ProjectPreset[] = [command, http];
