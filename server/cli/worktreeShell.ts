// The shell of `heyvm wt`: it holds an attached sandbox, which goes with its last holder, and joins a running one.
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../core/errors.ts';
import { shellOf } from '../core/shell.ts';
import { connectOwner } from '../owner/connect.ts';
import type { SandboxInfo } from '../protocol/sandbox.ts';
import type { WorktreeInfo } from '../protocol/worktree.ts';
import { readEntry } from '../store/sandboxes.ts';
import type { Context } from './command.ts';
import { openGuest } from './guest.ts';
import { openShell } from './shell.ts';
import { warnOfWorktree } from './warnings.ts';

/** How long the end of the sandbox is waited for after the shell; it ends by itself also later. */
const PATIENCE_MS = 5_000;
const POLL_MS = 20;
/** How long an owner may take to notice that its last holder is gone. */
const NOTICE_MS = 300;

export type Entered = {
  readonly sandbox: SandboxInfo;
  readonly worktree: WorktreeInfo;
  /** It was made for this shell. */
  readonly fresh: boolean;
};

export async function enterAttached(
  context: Context,
  { sandbox, worktree, fresh }: Entered,
): Promise<number> {
  const { env, interrupts, out, paths } = context;
  const { entry, guest } = await openGuest(paths, sandbox.id, interrupts.signal);
  const shell = shellOf(sandbox.runtime);
  if (entry.owner?.attached !== true) {
    out.note('it was running before and goes on after this shell');
    return openShell(guest, { env, interrupts, shell });
  }
  const owner = await connectOwner(entry);
  const held = await owner.hold();
  let code: number;
  try {
    if (fresh) await context.call('project/setup', { sandbox: sandbox.id });
    code = await openShell(guest, { env, interrupts, shell });
    await warnAfterwards(context, worktree);
  } finally {
    held.dispose();
    owner.close();
  }
  if ((await waitForEnd(context, sandbox.id)) === 'held') {
    out.note(`${sandbox.name} goes on for its other shells`);
    return code;
  }
  // Its owner has marked it as no longer wanted; whoever lists next takes it away.
  await context.call('sandbox/list', {});
  out.note(`${sandbox.name} is gone; the worktree stays in ${worktree.path}`);
  return code;
}

/** `--shell`: only into what runs already. */
export async function enterRunning(context: Context): Promise<number> {
  const { args, call, cwd, env, interrupts, paths } = context;
  const branch = args.argument('branch');
  const { worktrees } = await call('worktree/list', { cwd });
  const sandbox = worktrees.find(worktree => worktree.branch === branch)?.sandbox;
  if (sandbox === undefined) {
    fail('sandbox-not-found', `the branch ${branch} has no sandbox`, {
      hint: `heyvm wt ${branch} makes one`,
    });
  }
  if (sandbox.owner === undefined) {
    fail('not-running', `${sandbox.name} is ${sandbox.status}`, { hint: `heyvm wt ${branch} starts it` });
  }
  const { guest } = await openGuest(paths, sandbox.id, interrupts.signal);
  return openShell(guest, { env, interrupts, shell: shellOf(sandbox.runtime) });
}

/** While the sandbox is still held, for afterwards nobody lists its worktree. */
async function warnAfterwards({ call, out }: Context, { path, repository }: WorktreeInfo): Promise<void> {
  try {
    const { worktrees } = await call('worktree/list', { cwd: repository });
    for (const worktree of worktrees) if (worktree.path === path) warnOfWorktree(out, worktree);
  } catch {
    // The status of the shell counts more than a warning that cannot be had.
  }
}

async function waitForEnd({ paths }: Context, id: string): Promise<'ended' | 'held'> {
  const begun = Date.now();
  while (Date.now() - begun < PATIENCE_MS) {
    const entry = await readEntry(paths, id);
    if (entry?.owner === undefined) return 'ended';
    if (entry.owner.state === 'running' && Date.now() - begun > NOTICE_MS) return 'held';
    await delay(POLL_MS);
  }
  return 'held';
}
