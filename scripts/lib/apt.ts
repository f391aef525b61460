// Installs Debian packages for programs that are missing, and does nothing when none is.
import { attempt, which } from './command.ts';
import { Stop, say } from './say.ts';

export type Need = {
  /** A program in PATH that tells whether the package is there. */
  readonly program: string;
  readonly packages: readonly string[];
  /** A newer form of them, taken instead where the system has it. */
  readonly newer?: readonly string[];
  /** Why it is needed, for the announcement. */
  readonly why: string;
  /** Without it, tests say themselves that they cannot run; left out, nothing runs at all. */
  readonly without?: 'go on';
};

let updated = false;

export async function ensurePrograms(needs: readonly Need[]): Promise<void> {
  const missing = needs.filter(need => which(need.program) === undefined);
  if (missing.length === 0) return;
  try {
    await ensureMissing(missing);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const fatal = needs.filter(need => need.without !== 'go on' && which(need.program) === undefined);
    if (fatal.length > 0) throw error;
    say(`going on without: ${error.message}`);
  }
}

async function ensureMissing(missing: readonly Need[]): Promise<void> {
  const usual = [...new Set(missing.flatMap(need => need.packages))];
  const apt = which('apt-get');
  if (apt === undefined) {
    throw new Stop(
      `${missing.map(need => need.program).join(', ')} missing`,
      `install the packages that your system calls ${usual.join(', ')} and try again`,
    );
  }
  for (const line of new Set(missing.map(need => `installing ${need.packages.join(' ')} (${need.why})`)))
    say(line);
  const prefix = await privilege(usual);
  await update([...prefix, apt]);
  const packages = [...new Set((await Promise.all(missing.map(chosen))).flat())];
  await install([...prefix, apt], packages);
  const still = missing.filter(need => which(need.program) === undefined);
  if (still.length > 0)
    throw new Stop(`${still[0]?.program} is still missing after installing ${packages.join(' ')}`);
}

const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };

async function update(apt: readonly string[]): Promise<void> {
  if (updated) return;
  await attempt([...apt, 'update', '-q'], { env });
  updated = true;
}

async function chosen({ packages, newer }: Need): Promise<readonly string[]> {
  if (newer === undefined) return packages;
  return (await attempt(['apt-cache', 'show', ...newer])).code === 0 ? newer : packages;
}

async function install(apt: readonly string[], packages: readonly string[]): Promise<void> {
  const done = await attempt([...apt, 'install', '-y', '-q', '--no-install-recommends', ...packages], {
    env,
  });
  if (done.code !== 0) {
    const said = done.stderr.trim().split('\n').slice(-3).join('\n');
    throw new Stop(`apt-get could not install ${packages.join(' ')}\n${said}`, byHand(packages));
  }
}

async function privilege(packages: readonly string[]): Promise<readonly string[]> {
  if (process.getuid?.() === 0) return [];
  const sudo = which('sudo');
  if (sudo !== undefined) {
    if (process.stdin.isTTY || (await attempt([sudo, '-n', 'true'])).code === 0) return [sudo];
  }
  throw new Stop(`${packages.join(' ')} must be installed by an administrator`, byHand(packages));
}

function byHand(packages: readonly string[]): string {
  return `run: sudo apt-get install ${packages.join(' ')}`;
}
