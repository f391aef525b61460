// Opens a branch in a sandbox through the built command line, as a person does.
import { join } from 'node:path';
import * as z from 'zod/mini';
import { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { attempt, type CommandResult } from './command.ts';
import { dist } from './places.ts';
import { Stop } from './say.ts';

const Opened = z.object({ sandbox: SandboxInfo, worktree: z.object({ path: z.string() }) });
export type Opened = z.output<typeof Opened>;

export type Heyvm = (...args: string[]) => Promise<CommandResult>;

/** `dist/heyvm` in a folder and an environment. */
export function heyvmIn(cwd: string, env: NodeJS.ProcessEnv): Heyvm {
  return (...args) => attempt([join(dist, 'heyvm'), ...args], { cwd, env });
}

export async function openBranch(heyvm: Heyvm, branch: string): Promise<Opened> {
  const done = await heyvm('wt', branch, '--detach', '--format', 'json');
  if (done.code !== 0)
    throw new Stop(`heyvm could not open ${branch}\n${done.stderr.trim()}`, 'see: heyvm doctor');
  const parsed = z.safeParse(Opened, JSON.parse(done.stdout));
  if (!parsed.success)
    throw new Stop(`heyvm wt gave an answer that cannot be read: ${done.stdout.slice(0, 300)}`);
  return parsed.data;
}
