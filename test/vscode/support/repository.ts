// A git repository of a suite's own, in a temporary folder.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Repository = {
  readonly path: string;
  git(...args: string[]): string;
  remove(): void;
};

/** With one commit on `main` and the given branches; worktrees beside it go with it. */
export function makeRepository(...branches: string[]): Repository {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvr-')));
  const path = join(folder, 'project');
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@example.com',
  };
  execFileSync('git', ['init', '-q', '-b', 'main', path], { env });
  const git = (...args: string[]) => execFileSync('git', args, { cwd: path, env, encoding: 'utf8' }).trim();
  git('config', 'user.name', 'A');
  git('config', 'user.email', 'a@example.com');
  writeFileSync(join(path, 'file.txt'), 'one\n');
  git('add', '.');
  git('commit', '-q', '-m', 'First');
  for (const branch of branches) git('branch', branch);
  return { path, git, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
