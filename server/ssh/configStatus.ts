// Whether OpenSSH really uses our aliases, as `ssh -G` tells it, and what is in the way when it does not.

import { toSandboxError } from '../core/errors.ts';
import { aliasOf } from '../core/names.ts';
import type { Run } from '../core/ports.ts';
import type { Paths } from '../store/paths.ts';
import { type AliasSource, proxyWords } from './aliases.ts';
import { proxyCommand } from './configText.ts';
import { readInstallation } from './userConfig.ts';

export type ConfigStatus = { config: string; installed: boolean; effective: boolean; problem?: string };

export type StatusQuestion = {
  readonly config: string;
  /** `default` when OpenSSH finds the file by itself, so that the answer is the one people get. */
  readonly place: 'default' | 'elsewhere';
  /** Any sandbox that has an alias; without one only the text can be judged. */
  readonly sample: AliasSource | undefined;
};

const LOOK_MS = 10_000;

export async function configStatus(paths: Paths, run: Run, question: StatusQuestion): Promise<ConfigStatus> {
  const { config, sample } = question;
  const installation = await readInstallation(paths, config);
  if (installation.kind === 'absent') return { config, installed: false, effective: false };
  if (installation.kind === 'without-effect') {
    const problem = `the Include line stands below a Host or Match line in ${config}; move it to the first line`;
    return { config, installed: true, effective: false, problem };
  }
  const problem = sample === undefined ? undefined : await problemWith(paths, run, { ...question, sample });
  return {
    config,
    installed: true,
    effective: problem === undefined,
    ...(problem === undefined ? {} : { problem }),
  };
}

type Sampled = StatusQuestion & { readonly sample: AliasSource };

async function problemWith(
  paths: Paths,
  run: Run,
  { config, place, sample }: Sampled,
): Promise<string | undefined> {
  const alias = aliasOf(sample.name);
  const file = place === 'default' ? [] : ['-F', config];
  try {
    const { code, stdout, stderr } = await run(['ssh', '-G', ...file, alias], {
      accept: 'any',
      timeoutMs: LOOK_MS,
    });
    if (code !== 0) return `OpenSSH cannot read its configuration: ${stderr.trim()}`;
    return difference(stdout, { alias, expected: proxyCommand(proxyWords(paths, sample.id)), config });
  } catch (thrown) {
    return toSandboxError(thrown).message;
  }
}

function difference(
  told: string,
  { alias, expected, config }: { alias: string; expected: string; config: string },
): string | undefined {
  const options = new Map(
    told.split('\n').map(line => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]),
  );
  const actual = options.get('proxycommand');
  if (actual === expected) return undefined;
  const jump = options.get('proxyjump');
  if (actual !== undefined) return `for ${alias} OpenSSH runs ${JSON.stringify(actual)}; ${above(config)}`;
  if (jump !== undefined) return `for ${alias} OpenSSH goes through ${jump}; ${above(config)}`;
  return `OpenSSH does not know ${alias}; it may read another file than ${config}`;
}

function above(config: string): string {
  return `a line above the Include in ${config} says so: move the Include to the first line`;
}
