// heyvm init: writes the file that says what the sandbox of a project is, and never over one that exists.
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fail } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { ProjectPreset } from '../../core/projectPreset.ts';
import { isAbsence } from '../../platform/files.ts';
import { presetFor } from '../../project/presets.ts';
import { allPresets } from '../../service/presets.ts';
import type { Context } from '../command.ts';
import { refuseExisting, writeNew } from '../newFiles.ts';

export async function run(context: Context): Promise<undefined> {
  const { args, out, cwd } = context;
  if (args.flag('from-devcontainer')) {
    const { initFromDevcontainer } = await import('./initFrom.ts');
    return initFromDevcontainer(context);
  }
  const folder = resolve(cwd, args.optional('folder') ?? '.');
  const asked = args.string('preset');
  const preset = asked === undefined ? presetFor(namesIn(folder)) : await presetCalled(asked);
  refuseExisting(folder, preset);
  const files = preset.files.map(file => writeNew(folder, file));
  out.result({ preset: preset.name, folder, files }, () => files.map(file => `wrote ${file}`).join('\n'));
  out.note(`next: ${preset.first === undefined ? '' : `${preset.first}, then `}heyvm up`);
}

async function presetCalled(asked: string): Promise<ProjectPreset> {
  const presets = await allPresets();
  const found = presets.find(({ name }) => name === asked);
  if (found !== undefined) return found;
  const names = presets.map(({ name }) => name);
  const [meant] = nearest(asked, names);
  return fail('usage', `--preset ${asked}: must be one of ${names.join(', ')}`, {
    hint: meant === undefined ? undefined : `did you mean ${meant}?`,
  });
}

/** A folder that does not exist yet is made. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}
