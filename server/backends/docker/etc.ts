// Writes the files of this machine that a container has bound beside its mounts: accounts, names, and the filter.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { isAbsence } from '../../platform/files.ts';
import { isKnownArch, seccompFilter } from '../kit/seccomp.ts';
import { homeFolder } from './home.ts';
import { type Accounts, hostsFor } from './identity.ts';
import { parseOptions } from './options.ts';
import type { PlanInput } from './plan.ts';

export function writeEtc(state: string, request: LaunchRequest, accounts: Accounts): PlanInput['places'] {
  const folder = join(state, 'etc');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    // In place, because a container that was made before has it bound.
    if (!holds(path, Buffer.from(content))) writeFileSync(path, content, { mode: 0o644 });
    return path;
  };
  return {
    home: homeFolder(state),
    passwd: write('passwd', accounts.passwd),
    group: write('group', accounts.group),
    hosts: write('hosts', hostsFor(request.name)),
    filter: write('filter', filterFor(request)),
  };
}

function filterFor({ options }: LaunchRequest): Uint8Array {
  const { arch } = process;
  if (!isKnownArch(arch)) return fail('unsupported', `containers of heyvm do not run on ${arch}`);
  return seccompFilter({ arch, debugging: parseOptions(options).debug === true ? 'allowed' : 'denied' });
}

function holds(path: string, content: Buffer): boolean {
  try {
    return content.equals(readFileSync(path));
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}
