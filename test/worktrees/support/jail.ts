// A real jail with exactly the mounts that a narrowed worktree gets, for programs that try to get out of it.
import { spawnSync } from 'node:child_process';
import { guestGitEnvironment } from '../../../server/worktrees/identity.ts';
import { gitMounts } from '../../../server/worktrees/mounts.ts';
import type { Lab, Output } from './repo.ts';

export type Jail = {
  /** A script read by sh, at /workspace. */
  sh(script: string): Output;
  /** The same, and it must succeed. */
  ok(script: string): string;
};

export function canJail(): boolean {
  return spawnSync('bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true']).status === 0;
}

/** Computes the mounts anew, as every start of a sandbox does; `careless` shows what they are for. */
export async function openJail(
  lab: Lab,
  worktree: string,
  kind: 'narrowed' | 'careless' = 'narrowed',
): Promise<Jail> {
  const repository = await lab.repository();
  const mounts =
    kind === 'narrowed'
      ? await gitMounts({ branch: 'feature', path: worktree, repository: repository.root })
      : [repository.commonDir, worktree].map(path => ({ source: path, target: path, mode: 'rw' as const }));
  const env = await guestGitEnvironment(lab.host, repository);
  const args = [
    ...[
      '--die-with-parent',
      '--unshare-user',
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-net',
      '--cap-drop',
      'ALL',
    ],
    ...['--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib'],
    ...['--symlink', 'usr/lib64', '/lib64', '--ro-bind', '/etc', '/etc', '--proc', '/proc', '--dev', '/dev'],
    ...['--tmpfs', '/tmp', '--tmpfs', '/home/dev', '--bind', worktree, '/workspace'],
    ...mounts.flatMap(({ source, target, mode }) => [mode === 'ro' ? '--ro-bind' : '--bind', source, target]),
    ...['--remount-ro', '/', '--chdir', '/workspace', '--clearenv'],
    ...['--setenv', 'PATH', '/usr/bin:/bin', '--setenv', 'HOME', '/home/dev', '--setenv', 'LC_ALL', 'C'],
    ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--', 'sh', '-s'],
  ];
  const sh = (script: string): Output => {
    const result = spawnSync('bwrap', args, { input: script, encoding: 'utf8', timeout: 60_000 });
    return { code: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
  };
  return {
    sh,
    ok: script => {
      const { code, stdout, stderr } = sh(`set -e\n${script}`);
      if (code !== 0) throw new Error(`inside: ${code}: ${stderr}${stdout}`);
      return stdout.trimEnd();
    },
  };
}
