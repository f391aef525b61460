// Real repositories in temporary folders, and git run on the host as a person would run it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../../server/platform/run.ts';
import type { Host } from '../../../server/worktrees/hostGit.ts';
import { findRepository, type Repository } from '../../../server/worktrees/repository.ts';

export type Output = { code: number; stdout: string; stderr: string };

export type Lab = {
  readonly folder: string;
  /** A home with an identity; tests may add to its configuration. */
  readonly home: string;
  readonly main: string;
  readonly host: Host;
  /** Plain git on the host, protected by nothing. */
  git(cwd: string, ...args: string[]): string;
  tryGit(cwd: string, ...args: string[]): Output;
  write(path: string, content: string): void;
  commit(cwd: string, files: Readonly<Record<string, string>>, message?: string): string;
  repository(cwd?: string): Promise<Repository>;
  dispose(): void;
};

export function makeLab(options: { readonly init?: readonly string[] } = {}): Lab {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'heyvm-wt-')));
  const home = join(folder, 'home');
  const main = join(folder, 'main');
  mkdirSync(home);
  writeFileSync(
    join(home, '.gitconfig'),
    '[user]\n\tname = Ada\n\temail = ada@example.org\n[protocol "file"]\n\tallow = always\n',
  );
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' };
  const tryGit = (cwd: string, ...args: string[]): Output => {
    const result = spawnSync('git', args, { cwd, env, encoding: 'utf8', timeout: 20_000, input: '' });
    return { code: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
  };
  const git = (cwd: string, ...args: string[]): string => {
    const { code, stdout, stderr } = tryGit(cwd, ...args);
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${code}: ${stderr}${stdout}`);
    return stdout.trimEnd();
  };
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  const host: Host = { run, env };
  const lab: Lab = {
    folder,
    home,
    main,
    host,
    git,
    tryGit,
    write,
    commit: (cwd, files, message = 'change') => {
      for (const [name, content] of Object.entries(files)) write(join(cwd, name), content);
      git(cwd, 'add', '--', ...Object.keys(files));
      git(cwd, 'commit', '--quiet', '-m', message);
      return git(cwd, 'rev-parse', 'HEAD');
    },
    repository: (cwd = main) => findRepository(host, cwd),
    dispose: () => {
      spawnSync('chmod', ['-R', 'u+rwX', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  git(folder, 'init', '--quiet', '--initial-branch=main', ...(options.init ?? []), main);
  lab.commit(main, { 'README.md': 'hello\n', 'src/app.txt': 'one\ntwo\nthree\n' }, 'first');
  return lab;
}

/** As on a machine whose person has never told git who they are. */
export function forgetIdentity({ home }: Lab): void {
  writeFileSync(join(home, '.gitconfig'), '[user]\n\tuseConfigOnly = true\n');
}
