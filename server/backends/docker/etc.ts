// Writes the files of this machine that a container has bound beside its mounts: accounts, names, and the filter.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { isAbsence } from '../../platform/files.ts';
import { isKnownArch, seccompFilter } from '../kit/seccomp.ts';
import { homeFolder } from './home.ts';
import { type Accounts, hostsFor } from './identity.ts';
import { parseOptions } from './options.ts';
import type { PlanInput } from './plan.ts';

export async function writeEtc(
  state: string,
  request: LaunchRequest,
  accounts: Accounts,
): Promise<PlanInput['places']> {
  const folder = join(state, 'etc');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(folder, name);
    // In place, because a container that was made before has it bound.
    if (!(await holds(path, Buffer.from(content)))) await writeFile(path, content, { mode: 0o644 });
    return path;
  };
  const [passwd, group, hosts, filter] = await Promise.all([
    write('passwd', accounts.passwd),
    write('group', accounts.group),
    write('hosts', hostsFor(request.name)),
    write('filter', filterFor(request)),
  ]);
  return { home: homeFolder(state), passwd, group, hosts, filter };
}

function filterFor({ options }: LaunchRequest): Uint8Array {
  const { arch } = process;
  if (!isKnownArch(arch)) return fail('unsupported', `containers of heyvm do not run on ${arch}`);
  return seccompFilter({ arch, debugging: parseOptions(options).debug === true ? 'allowed' : 'denied' });
}

async function holds(path: string, content: Buffer): Promise<boolean> {
  try {
    return content.equals(await readFile(path));
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}
