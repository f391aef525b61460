// The home of a sandbox: a folder of the driver that is bound into the container, and so survives every container.
import { chownSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext, LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { isAbsence } from '../../platform/files.ts';
import { removeTree } from '../../platform/removeTree.ts';
import { ensureHome as makeWhole } from '../kit/home.ts';

export function homeFolder(state: string): string {
  return join(state, 'home');
}

/** Appears whole, as a copy of a snapshot's or with the usual first files; an existing one is left as it is. */
export async function ensureHome(
  context: Pick<DriverContext, 'state' | 'run' | 'signal'>,
  owner: LaunchRequest['owner'],
  from: string | undefined,
): Promise<void> {
  await makeWhole(homeFolder(context.state), fresh =>
    from === undefined ? makeHome(fresh, owner) : copyHome(context, from, fresh),
  );
}

/** The old one is gone only when the new one is complete. */
export async function replaceHome(
  context: Pick<DriverContext, 'state' | 'run' | 'signal'>,
  from: string,
): Promise<void> {
  const home = homeFolder(context.state);
  const fresh = `${home}.new`;
  await removeTree(fresh);
  await copyHome(context, from, fresh);
  await removeTree(`${home}.old`);
  if (await exists(home)) await rename(home, `${home}.old`);
  await rename(fresh, home);
  await removeTree(`${home}.old`);
}

/** With owners, times and links as they are; where the file system can, no byte is copied. */
export async function copyHome(
  { run, signal }: Pick<DriverContext, 'run' | 'signal'>,
  from: string,
  to: string,
): Promise<void> {
  if (!(await exists(from))) fail('snapshot-not-found', `${from} does not exist any more`);
  const share = process.platform === 'linux' ? ['--reflink=auto'] : ['-c'];
  await run(['cp', '-a', ...share, from, to], { signal });
}

function makeHome(path: string, { uid, gid }: LaunchRequest['owner']): void {
  mkdirSync(path, { mode: 0o700 });
  for (const [name, content] of Object.entries(skeleton))
    writeFileSync(join(path, name), content, { mode: 0o644 });
  if (process.getuid?.() !== 0 || uid === 0) return;
  for (const name of ['', ...Object.keys(skeleton)]) chownSync(join(path, name), uid, gid);
}

/** The person's own from then on. */
const skeleton: Readonly<Record<string, string>> = {
  '.bashrc': `[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
case $- in *i*) PS1='\\[\\e[1;36m\\]\${HEYVM_SANDBOX:-sandbox}\\[\\e[0m\\]:\\[\\e[1;34m\\]\\w\\[\\e[0m\\]\\$ ' ;; esac
`,
  '.profile': '[ -n "$BASH" ] && [ -r ~/.bashrc ] && . ~/.bashrc\n',
};

export async function exists(path: string): Promise<boolean> {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}
