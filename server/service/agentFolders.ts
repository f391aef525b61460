// Which repositories an agent may open: those that it was started for, so that no other folder is copied from.
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { parse } from 'node:path';
import { fail, toSandboxError } from '../core/errors.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { type Place, repositoryAt } from './worktreeTargets.ts';

/** Fails with `policy-refused` for a repository that is neither that of a folder nor lies in one. */
export async function refuseOutside(
  deps: ServiceDeps,
  { repository }: Place,
  context: CallContext,
): Promise<void> {
  const folders = context.agent?.folders ?? [];
  for (const folder of folders) if (await isOf(deps, repository.root, { folder, context })) return;
  const where = folders.length === 0 ? 'no folder' : folders.join(', ');
  fail(
    'policy-refused',
    `${repository.root} is none of the repositories that an agent may open here: ${where}`,
    {
      hint: 'start the agent’s server in it, name it with heyvm mcp --repository, or open its folder in the window',
    },
  );
}

async function isOf(
  deps: ServiceDeps,
  root: string,
  { folder, context }: { readonly folder: string; readonly context: CallContext },
): Promise<boolean> {
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined) return false;
  try {
    return (await repositoryAt(deps, real, context)).repository.root === root;
  } catch (error) {
    if (toSandboxError(error).code !== 'repository-not-found') throw error;
  }
  // Everything of a person or of the machine lies in these, which nobody meant who started a program there.
  if (real === homedir() || real === parse(real).root) return false;
  return root.startsWith(`${real}/`);
}
