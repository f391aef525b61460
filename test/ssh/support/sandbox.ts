// A guest in a small jail, the endpoint process in front of it, and OpenSSH set up to reach it by alias.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { aliasOf } from '../../../server/core/names.ts';
import { SandboxId } from '../../../server/protocol/sandbox.ts';
import { writeAliases } from '../../../server/ssh/aliases.ts';
import { installLauncher } from '../../../server/ssh/launcher.ts';
import { installInclude } from '../../../server/ssh/userConfig.ts';
import { type Paths, pathsOf, sandboxPaths } from '../../../server/store/paths.ts';
import { eventually } from '../../support/eventually.ts';
import { hasProgram, type Outcome, type RunOptions, run } from './run.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const guestProgram = join(root, 'dist', `guest-linux-${process.arch}`);

export type TestSandbox = {
  readonly alias: string;
  readonly paths: Paths;
  readonly id: string;
  /** What the guest sees at /workspace and /home/dev, and a folder beside them that it does not see. */
  readonly workspace: string;
  readonly home: string;
  readonly outside: string;
  /** The person's own configuration, with the Include installed. */
  readonly config: string;
  readonly endpoint: ChildProcess;
  readonly log: () => string;
  readonly ssh: (args: readonly string[], options?: RunOptions) => Promise<Outcome>;
  readonly dispose: () => Promise<void>;
};

/** Why these tests cannot run here, or undefined when they can. */
export async function whyNot(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'the guest program is for Linux';
  for (const program of ['ssh', 'bwrap'])
    if (!(await hasProgram(program))) return `${program} is not installed`;
  return existsSync(guestProgram) ? undefined : `${guestProgram} is not built`;
}

export type StartOptions = {
  /** The name of the folder that holds HEYO_HOME. */
  readonly folder?: string;
  /** What the person's ssh configuration says before heyvm adds its line. */
  readonly userConfig?: string;
};

export async function startSandbox(options: StartOptions = {}): Promise<TestSandbox> {
  const top = await realpath(await mkdtemp(join(tmpdir(), 'hv-')));
  const paths = pathsOf({ HEYO_HOME: join(top, options.folder ?? 'h') });
  const id = SandboxId.parse('sb-0a1b2c3d');
  const files = sandboxPaths(paths, id);
  const place = { workspace: join(top, 'workspace'), home: join(top, 'home'), outside: join(top, 'outside') };
  for (const folder of [files.folder, ...Object.values(place)])
    await mkdir(folder, { recursive: true, mode: 0o700 });
  const children: ChildProcess[] = [];
  const guestSocket = join(top, 'g');
  children.push(startGuest(guestSocket, place));
  await eventually(() => existsSync(guestSocket), { what: 'the guest' });
  const { endpoint, log } = await startEndpoint(paths, id, guestSocket);
  children.push(endpoint);

  const program = join(root, 'test', 'ssh', 'fixtures', 'heyvm.ts');
  await installLauncher(paths, { node: process.execPath, kind: 'node', program });
  await writeAliases(paths, [{ id, name: 'box', intent: 'running' }]);
  const config = join(top, 'config');
  await writeFile(config, options.userConfig ?? '', { mode: 0o600 });
  await installInclude(paths, config);
  const alias = aliasOf('box');
  return {
    ...{ alias, paths, id, config, endpoint, log, ...place },
    ssh: (args, more) => run(['ssh', '-F', config, ...args], more),
    dispose: async () => {
      for (const child of children) await end(child);
      await rm(top, { recursive: true, force: true });
      if (dirname(paths.run) !== paths.home) await rm(paths.run, { recursive: true, force: true });
    },
  };
}

function startGuest(socket: string, place: { workspace: string; home: string }): ChildProcess {
  const system = ['/usr', '/etc'].flatMap(path => ['--ro-bind', path, path]);
  const links = ['bin', 'sbin', 'lib', 'lib64'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]);
  const jail = ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--die-with-parent', '--clearenv'];
  const env = { PATH: '/usr/bin:/bin', HOME: '/home/dev', SHELL: '/bin/bash', USER: 'dev' };
  return spawn(
    guestProgram,
    [
      ...['launch', '--listen', socket, '--listen-fd', '3', '--die-with-parent', '--', 'bwrap', ...jail],
      ...[...system, ...links, '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/run'],
      ...['--bind', place.workspace, '/workspace', '--bind', place.home, '/home/dev'],
      ...['--ro-bind', guestProgram, '/run/heyvm-guest'],
      ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
      ...['/run/heyvm-guest', 'serve', '--fd', '3'],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
}

/** As owners are started. */
const ownerFlags = ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];

async function startEndpoint(
  paths: Paths,
  id: string,
  guestSocket: string,
): Promise<{ endpoint: ChildProcess; log: () => string }> {
  const program = join(root, 'test', 'ssh', 'fixtures', 'endpoint.ts');
  const endpoint = spawn(process.execPath, [...ownerFlags, program, id, guestSocket], {
    env: { ...process.env, HEYO_HOME: paths.home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [endpoint.stdout, endpoint.stderr]) stream.on('data', chunk => (said += chunk));
  await eventually(
    () => said.includes('ready') || (endpoint.exitCode !== null && Promise.reject(new Error(said))),
    {
      what: 'the endpoint',
    },
  );
  return { endpoint, log: () => said };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** The most memory that a process has had at once, and what it has now, in bytes. */
export async function memoryOf(pid: number): Promise<{ peak: number; now: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  return { peak: read('VmHWM'), now: read('VmRSS') };
}
