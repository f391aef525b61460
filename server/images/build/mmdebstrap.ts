// Installs packages into a root file system of their own with mmdebstrap, as root or in a user namespace.
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fail, SandboxError } from '../../core/errors.ts';
import type { Run } from '../../core/ports.ts';
import { errorCodeOf, readTextIfExists } from '../../platform/files.ts';
import type { Progress } from '../../protocol/contract.ts';
import type { Distribution } from './distributions.ts';
import { clearArea, killedAreas, makeArea } from './workArea.ts';

export type InstallDeps = {
  readonly run: Run;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string>>;
  readonly progress: (progress: Progress) => void;
};

export type InstallRequest = {
  readonly distribution: Distribution;
  readonly sources: readonly string[];
  readonly options: readonly string[];
  readonly include: readonly string[];
  readonly folder: string;
};

/** The times of files never depend on when the image was made; old enough for every file, and a valid date. */
const EPOCH = '1577836800';

/** The path of a tar with everything that was installed. */
export async function installPackages(deps: InstallDeps, request: InstallRequest): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) await requireNamespaces(deps);
  for (const area of await killedAreas()) await clearArea(deps.run, area);
  const ending = isRoot ? await endingWithUs(deps) : [];
  const target = join(request.folder, 'packages.tar');
  const log = join(request.folder, 'mmdebstrap.log');
  const area = await makeArea();
  const stopTelling = tellProgress(log, deps.progress);
  try {
    const [program, ...args] = argvOf(request, { target, log, mode: isRoot ? 'root' : 'unshare' });
    const [first = program, ...others] = [...ending, program];
    await deps.run([first, ...others, ...args], {
      signal: deps.signal,
      env: { ...deps.env, TMPDIR: area, SOURCE_DATE_EPOCH: EPOCH, DEBIAN_FRONTEND: 'noninteractive' },
    });
    return target;
  } catch (error) {
    deps.signal.throwIfAborted();
    throw await explained(error, log, request.distribution);
  } finally {
    stopTelling();
    await clearArea(deps.run, area).catch(() => {
      // What is just ending may still write into it; the next one clears it.
    });
  }
}

type Places = { readonly target: string; readonly log: string; readonly mode: 'root' | 'unshare' };

function argvOf(request: InstallRequest, { target, log, mode }: Places): [string, ...string[]] {
  const { distribution, sources, options, include } = request;
  return [
    'mmdebstrap',
    `--mode=${mode}`,
    '--variant=minbase',
    '--format=tar',
    `--architectures=${distribution.arch}`,
    `--components=${distribution.components.join(',')}`,
    `--logfile=${log}`,
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    ...options.map(option => `--aptopt=${option}`),
    '--dpkgopt=force-unsafe-io',
    ...['man', 'doc', 'info', 'locale', 'lintian', 'bug'].map(
      part => `--dpkgopt=path-exclude=/usr/share/${part}/*`,
    ),
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
    '--dpkgopt=path-include=/usr/share/locale/locale.alias',
    `--include=${include.join(',')}`,
    distribution.suite,
    target,
    ...sources,
  ];
}

/** As root it mounts and starts things on this machine itself: what dies with us, and takes all of that along. */
const leash: readonly [string, ...string[]] = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];

async function endingWithUs({ run, signal }: InstallDeps): Promise<readonly string[]> {
  try {
    await run([...leash, 'true'], { signal });
    return leash;
  } catch {
    // Root of a container may not be able to, and then has no mounts to leave either.
    signal.throwIfAborted();
    return [];
  }
}

async function requireNamespaces({ run, signal }: InstallDeps): Promise<void> {
  const uid = String(process.getuid?.());
  const username = nameOfUser() ?? uid;
  const maps = await Promise.all(['/etc/subuid', '/etc/subgid'].map(path => readTextIfExists(path)));
  const hint = `install uidmap, then run as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`;
  const isListed = (text = ''): boolean =>
    text.split('\n').some(line => [username, uid].includes(line.split(':')[0] ?? ''));
  if (!maps.every(isListed)) {
    fail(
      'build-failed',
      `the user ${username} has no range of subordinate users in /etc/subuid and /etc/subgid`,
      { hint },
    );
  }
  const { code } = await run(['unshare', '--user', '--map-root-user', '--map-auto', 'true'], {
    signal,
    accept: 'any',
  });
  if (code !== 0) fail('build-failed', 'user namespaces cannot be set up on this machine', { hint });
}

function nameOfUser(): string | undefined {
  try {
    return userInfo().username;
  } catch (error) {
    // A number without a name is a user as well, and may be listed by it.
    if (errorCodeOf(error) === undefined) throw error;
    return undefined;
  }
}

const phases: readonly (readonly [RegExp, string])[] = [
  [/creating tarball/, 'packing'],
  [/installing remaining packages/, 'installing packages'],
  [/installing essential packages/, 'installing essential packages'],
  [/extracting archives/, 'unpacking packages'],
  [/downloading packages/, 'downloading packages'],
  [/running apt-get update/, 'reading package lists'],
];

/** mmdebstrap says what it does in its log. */
function tellProgress(log: string, progress: InstallDeps['progress']): () => void {
  let last = '';
  const look = async (): Promise<void> => {
    const text = (await readTextIfExists(log)) ?? '';
    const phase = phases.find(([pattern]) => pattern.test(text))?.[1] ?? 'reading package lists';
    if (phase !== last) progress({ phase });
    last = phase;
  };
  const timer = setInterval(() => {
    look().catch(() => {
      // Progress is told where it can be read; the work itself says what fails.
    });
  }, 250);
  return () => clearInterval(timer);
}

async function explained(error: unknown, log: string, { suite }: Distribution): Promise<unknown> {
  if (!(error instanceof SandboxError)) return error;
  if (/cannot run mmdebstrap|execute mmdebstrap/.test(error.message)) {
    return new SandboxError('build-failed', 'mmdebstrap is not installed', {
      hint: 'install mmdebstrap, on Debian: apt-get install mmdebstrap',
    });
  }
  const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n');
  const told = lines
    .filter(line => /^(E|W|Err):/.test(line))
    .slice(-5)
    .join('; ');
  return new SandboxError(
    'build-failed',
    `${suite} could not be installed: ${told === '' ? error.message : told}`,
    {
      hint: 'check the mirror and the network, and the names given with --include',
      cause: error,
    },
  );
}
