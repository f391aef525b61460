// The devcontainer.json of a project, where it has no file of heyvm's own.
import { join } from 'node:path';
import { parseDevcontainer } from '../project/devcontainer/parse.ts';
import {
  DEVCONTAINER_FILES,
  DEVCONTAINER_FOLDER,
  DEVCONTAINER_NAME,
} from '../project/devcontainer/places.ts';
import type { Translated } from '../project/devcontainer/translate.ts';
import type { FileProblem } from '../protocol/projectFile.ts';
import { foldersBelow, textBelow } from './plantedFiles.ts';

export type ReadDevcontainer =
  | { readonly kind: 'broken'; readonly path: string; readonly problems: readonly FileProblem[] }
  | ({ readonly kind: 'there'; readonly path: string } & Translated);

/** Undefined when there is none. */
export async function readDevcontainer(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<ReadDevcontainer | undefined> {
  const [found, ...others] = await devcontainersIn(folder);
  if (found === undefined) return undefined;
  const path = join(folder, found.path);
  if (others.length > 0) {
    const names = [found, ...others].map(other => other.path).join(', ');
    const start = { line: 1, column: 1 };
    const message = `there are several devcontainers, and nothing says which one is meant: ${names}`;
    const hint = `choose one: heyvm init --from-devcontainer ${found.path}`;
    return { kind: 'broken', path, problems: [{ message, hint, start, end: start }] };
  }
  const machine = { folder, variable: (name: string) => env[name] };
  const parsed = parseDevcontainer(found.text, { path: found.path, machine });
  if (!parsed.ok) return { kind: 'broken', path, problems: parsed.problems };
  const { file, variables, unfollowed } = parsed;
  return { kind: 'there', path, file, variables, unfollowed };
}

export type FoundDevcontainer = { readonly path: string; readonly text: string };

/** One of the usual places; else those in folders of their own. */
export async function devcontainersIn(folder: string): Promise<readonly FoundDevcontainer[]> {
  for (const path of DEVCONTAINER_FILES) {
    const text = await textBelow(folder, path);
    if (text !== undefined) return [{ path, text }];
  }
  const found: FoundDevcontainer[] = [];
  for (const name of await foldersBelow(folder, DEVCONTAINER_FOLDER)) {
    const path = `${DEVCONTAINER_FOLDER}/${name}/${DEVCONTAINER_NAME}`;
    const text = await textBelow(folder, path);
    if (text !== undefined) found.push({ path, text });
  }
  return found;
}
