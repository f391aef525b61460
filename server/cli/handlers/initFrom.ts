// heyvm init --from-devcontainer: the project's own file, from what it has for other tools.
import { readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fail } from '../../core/errors.ts';
import { isAbsence } from '../../platform/files.ts';
import { parseDevcontainer } from '../../project/devcontainer/parse.ts';
import { DEVCONTAINER_FILES, DEVCONTAINER_FOLDER } from '../../project/devcontainer/places.ts';
import { yamlOf } from '../../project/devcontainer/yaml.ts';
import { problemLine } from '../../project/parse.ts';
import { PROJECT_FILE } from '../../project/presets.ts';
import { devcontainersIn } from '../../service/devcontainer.ts';
import type { Context } from '../command.ts';
import { refuseExisting, writeNew } from '../newFiles.ts';
import { warnOfUnfollowed } from '../warnings.ts';

type Source = { readonly folder: string; readonly path: string; readonly text: string };

export async function initFromDevcontainer({ args, out, cwd }: Context): Promise<undefined> {
  if (args.string('preset') !== undefined)
    fail('usage', '--preset and --from-devcontainer exclude each other');
  const { folder, path, text } = await sourceAt(resolve(cwd, args.optional('folder') ?? '.'));
  const parsed = parseDevcontainer(text, { path });
  if (!parsed.ok) {
    const lines = parsed.problems.map(problem => problemLine(path, problem));
    fail('settings-broken', lines.join('\n'), { hint: `edit ${path}`, data: { problems: parsed.problems } });
  }
  const file = { path: PROJECT_FILE, content: yamlOf(parsed, path) };
  refuseExisting(folder, { files: [file] });
  const files = [writeNew(folder, file)];
  const { unfollowed } = parsed;
  out.result({ preset: 'devcontainer', folder, files, unfollowed }, () => `wrote ${files[0]}`);
  warnOfUnfollowed(out, { path, unfollowed });
  out.note('next: heyvm up');
}

async function sourceAt(asked: string): Promise<Source> {
  if (asked.endsWith('.json')) return fromFile(asked);
  const [found, ...others] = await devcontainersIn(asked);
  if (found === undefined) {
    return fail('path-not-found', `there is no devcontainer.json in ${asked}`, {
      hint: `it is looked for at ${DEVCONTAINER_FILES.join(', ')} and ${DEVCONTAINER_FOLDER}/*/devcontainer.json`,
    });
  }
  if (others.length === 0) return { folder: asked, ...found };
  const names = [found, ...others].map(({ path }) => path);
  return fail('usage', `there are several devcontainers: ${names.join(', ')}`, {
    hint: `name one: heyvm init --from-devcontainer ${found.path}`,
  });
}

function fromFile(file: string): Source {
  const parts = file.split(sep);
  const at = parts.lastIndexOf(DEVCONTAINER_FOLDER);
  const folder = at > 0 ? parts.slice(0, at).join(sep) || sep : dirname(file);
  try {
    return { folder, path: relative(folder, file).split(sep).join('/'), text: readFileSync(file, 'utf8') };
  } catch (error) {
    if (!isAbsence(error)) throw error;
    return fail('path-not-found', `there is no ${file}`);
  }
}
