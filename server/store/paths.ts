// Every file and folder name that heyvm has on disk, in one place.
import { homedir, tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';

/** Unix socket paths are limited to 104 bytes on macOS and 108 on Linux, with the closing zero. */
const SOCKET_PATH_LIMIT = 103;

export type Paths = {
  /** `~/.heyo`, 0700. */
  readonly home: string;
  /** What a person sets; comments allowed. */
  readonly settings: string;
  /** One folder per sandbox. */
  readonly sandboxes: string;
  /** What is being removed; emptied by the next command. */
  readonly trash: string;
  /** Ticket locks, one folder per lock. */
  readonly locks: string;
  /** Sockets of owners; moved to the temporary folder when the home's path is too long for sockets. */
  readonly run: string;
  /** Bundles that running owners use, one folder per build. */
  readonly lib: string;
  /** The stable launcher that ssh configurations name. */
  readonly bin: string;
  readonly keys: string;
  readonly ssh: string;
  readonly sshConfig: string;
  readonly knownHosts: string;
  readonly images: string;
  readonly audit: string;
  readonly cache: string;
  /** Servers of editors, unpacked; guests see this folder read-only where their backend can show it. */
  readonly servers: string;
  /** Touched at every change of a sandbox; helpers watch it. */
  readonly changed: string;
};

export type SandboxPaths = {
  readonly folder: string;
  /** The record: what was asked and what was resolved. */
  readonly record: string;
  /** Exists exactly while the owner lives. */
  readonly owner: string;
  /** Output of the owner and of the guest's console. */
  readonly log: string;
  /** The rotated older part of the log. */
  readonly logOlder: string;
  /** Where a sandbox without a worktree has its workspace. */
  readonly workspace: string;
  /** For the driver alone. */
  readonly state: string;
  /** The ssh host key of the endpoint, 0600. */
  readonly hostKey: string;
  /** The key of the loopback listener's clients, 0600; made when there is a listener. */
  readonly clientKey: string;
  readonly controlSocket: string;
  readonly sshSocket: string;
  /** For sockets of the driver, 0700, never visible to a guest. */
  readonly runtime: string;
};

export function pathsOf(env: NodeJS.ProcessEnv): Paths {
  const asked = env['HEYO_HOME'];
  const home = asked === undefined || asked === '' ? join(homedir(), '.heyo') : resolve(asked);
  const ssh = join(home, 'ssh');
  return {
    home,
    settings: join(home, 'settings.json'),
    sandboxes: join(home, 'sandboxes'),
    trash: join(home, 'trash'),
    locks: join(home, 'locks'),
    run: runFolder(home),
    lib: join(home, 'lib'),
    bin: join(home, 'bin'),
    keys: join(home, 'keys'),
    ssh,
    sshConfig: join(ssh, 'config'),
    knownHosts: join(ssh, 'known_hosts'),
    images: join(home, 'images'),
    audit: join(home, 'audit'),
    cache: join(home, 'cache'),
    servers: join(home, 'cache', 'servers'),
    changed: join(home, 'changed'),
  };
}

export function sandboxPaths(paths: Paths, id: string): SandboxPaths {
  const folder = below(paths.sandboxes, id);
  const runtime = below(paths.run, id);
  return {
    folder,
    record: below(folder, 'sandbox.yaml'),
    owner: below(folder, 'owner.json'),
    log: below(folder, 'owner.log'),
    logOlder: below(folder, 'owner.log.1'),
    workspace: below(folder, 'workspace'),
    state: below(folder, 'state'),
    hostKey: below(folder, 'ssh_host_ed25519_key'),
    clientKey: below(folder, 'ssh_client_ed25519_key'),
    controlSocket: below(runtime, 'control'),
    sshSocket: below(runtime, 'ssh'),
    runtime,
  };
}

/** Called for every sandbox at every listing, with parts that need no normalizing. */
function below(folder: string, name: string): string {
  return `${folder}${sep}${name}`;
}

function runFolder(home: string): string {
  const near = join(home, 'run');
  const longest = join(near, 'sb-00000000', 'control');
  if (Buffer.byteLength(longest) <= SOCKET_PATH_LIMIT) return near;
  const { createHash } = process.getBuiltinModule('node:crypto');
  const mark = createHash('sha256').update(home).digest('hex').slice(0, 12);
  // Not TMPDIR: every process must come to the same place, and it may be long itself.
  const base = process.platform === 'win32' ? tmpdir() : '/tmp';
  return join(base, `heyo-${process.getuid?.() ?? 'user'}-${mark}`);
}
