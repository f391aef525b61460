// A small friendly repository to try branches in.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.ts';

export type Demo = { readonly repository: string; readonly branch: string };

const files: Readonly<Record<string, string>> = {
  'README.md': [
    '# Tea',
    '',
    'A tiny program that tells how long to steep a tea. Try it: `sh tea.sh green`.',
    '',
    'This folder is a git worktree, and the terminal that you see runs in a sandbox: it has the files of this branch,',
    'a home of its own, and nothing else of your machine. Commit as usual; the commits arrive in the repository.',
    '',
  ].join('\n'),
  'tea.sh': [
    '#!/bin/sh',
    'case $1 in',
    '  green) echo "2 minutes at 80 degrees" ;;',
    '  black | "") echo "4 minutes at 95 degrees" ;;',
    '  *) echo "try green or black" >&2; exit 1 ;;',
    'esac',
    '',
  ].join('\n'),
};

/** Makes the repository with one commit and a few branches; the folder must not exist or be empty. */
export async function makeDemo(repository: string): Promise<Demo> {
  mkdirSync(repository, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(repository, name), content);
  const git = (...args: string[]) => command(['git', ...args], { cwd: repository, env: plainGit() });
  await git('init', '-q', '-b', 'main');
  await git('config', 'user.name', 'Tea Drinker');
  await git('config', 'user.email', 'tea@example.com');
  await git('add', '.');
  await git('commit', '-q', '-m', 'Tell how long to steep');
  for (const branch of ['feature/oolong', 'fix/temperature']) await git('branch', branch);
  return { repository, branch: 'feature/oolong' };
}

/** Git as it is without anybody's configuration, so that the demo is the same everywhere. */
function plainGit(): NodeJS.ProcessEnv {
  return { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
}
