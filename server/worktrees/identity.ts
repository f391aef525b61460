// What git inside a guest has to know and cannot read: who the person is, and what would only fail there.
import { type Host, hostGit } from './hostGit.ts';
import type { Repository } from './repository.ts';

/** Upkeep belongs to the host, and recorded resolutions have no place that a guest could write. */
const upkeep: ReadonlyMap<string, string> = new Map([
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['rerere.enabled', 'false'],
]);

/** As configuration in the environment, which needs no file in the guest and leaves its own files to it. */
export async function guestGitEnvironment(
  host: Host,
  repository: Repository,
): Promise<Record<string, string>> {
  const { stdout } = await hostGit(host, ['config', '-z', '--get-regexp', '^user\\.(name|email)$'], {
    cwd: repository.root,
    accept: [0, 1],
  });
  const values = new Map(upkeep);
  for (const entry of stdout.split('\0')) {
    const end = entry.indexOf('\n');
    if (end > 0) values.set(entry.slice(0, end), entry.slice(end + 1));
  }
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(values.size) };
  for (const [index, [key, value]] of [...values].entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return env;
}
