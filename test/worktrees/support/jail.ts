// A real jail with exactly the mounts that a narrowed worktree gets, for programs that try to get out of it.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Guest, GuestProcess } from '../../../server/core/guest.ts';
import type { Mount, WorktreeRef } from '../../../server/protocol/sandbox.ts';
import { guestGitEnvironment } from '../../../server/worktrees/identity.ts';
import { gitMounts } from '../../../server/worktrees/mounts.ts';
import { privateMounts } from '../../../server/worktrees/privateGit.ts';
import type { Lab, Output } from './repo.ts';

export type Jail = {
  /** A script read by sh, at /workspace. */
  sh(script: string): Output;
  /** The same, and it must succeed. */
  ok(script: string): string;
  /** What a driver would give, as far as git needs it. */
  readonly guest: Pick<Guest, 'exec'>;
};

export type Kind = 'narrowed' | 'private' | 'careless';

export function canJail(): boolean {
  return spawnSync('bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true']).status === 0;
}

/** Computes the mounts anew, as every start of a sandbox does; `careless` shows what they are for. */
export async function openJail(lab: Lab, worktree: string, kind: Kind = 'narrowed'): Promise<Jail> {
  const repository = await lab.repository();
  const mounts = await mountsOf(lab, kind, {
    branch: 'feature',
    path: worktree,
    repository: repository.root,
  });
  const home = join(lab.folder, 'guest-home');
  mkdirSync(home, { recursive: true });
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
    ...['--tmpfs', '/tmp', '--bind', home, '/home/dev', '--bind', worktree, '/workspace'],
    ...mounts.flatMap(({ source, target, mode }) => [mode === 'ro' ? '--ro-bind' : '--bind', source, target]),
    ...['--remount-ro', '/', '--chdir', '/workspace', '--clearenv'],
    ...[
      '--setenv',
      'PATH',
      '/home/dev/.local/bin:/usr/bin:/bin',
      '--setenv',
      'HOME',
      '/home/dev',
      '--setenv',
      'LC_ALL',
      'C',
    ],
    ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
  ];
  const sh = (script: string): Output => {
    const result = spawnSync('bwrap', [...args, 'sh', '-s'], {
      input: script,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { code: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
  };
  return {
    guest: { exec: async ({ argv }) => started(spawn('bwrap', [...args, ...argv])) },
    sh,
    ok: script => {
      const { code, stdout, stderr } = sh(`set -e\n${script}`);
      if (code !== 0) throw new Error(`inside: ${code}: ${stderr}${stdout}`);
      return stdout.trimEnd();
    },
  };
}

async function mountsOf(lab: Lab, kind: Kind, worktree: WorktreeRef): Promise<readonly Mount[]> {
  switch (kind) {
    case 'narrowed':
      return gitMounts(worktree);
    case 'private':
      return privateMounts(lab.host, worktree);
    case 'careless':
      return [join(worktree.repository, '.git'), worktree.path].map(path => ({
        source: path,
        target: path,
        mode: 'rw',
      }));
  }
}

function started(child: ChildProcessWithoutNullStreams): GuestProcess {
  const exited = new Promise<number>(resolve => child.on('close', code => resolve(code ?? -1)));
  return {
    ...{ stdin: child.stdin, stdout: child.stdout, stderr: child.stderr },
    exited: exited.then(code => ({ kind: 'exited', code })),
    signal: async () => void child.kill('SIGKILL'),
    resize: async () => {},
    hangUp: () => void child.kill('SIGKILL'),
  };
}
