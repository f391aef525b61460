// heyvm wt: opens a branch in its sandbox, or does something else with it.

import { resolve } from 'node:path';
import * as z from 'zod/mini';
import { fail, toSandboxError } from '../../core/errors.ts';
import { parse } from '../../protocol/parse.ts';
import { ProjectAsk } from '../../protocol/projectFile.ts';
import type { Context } from '../command.ts';
import { agree } from '../consent.ts';
import { lastingOf, specOf } from '../spec.ts';
import { warnOfUnfollowed, warnOfWorktree } from '../warnings.ts';
import { cherryPick, commits } from '../worktreePicks.ts';
import { enterAttached, enterRunning } from '../worktreeShell.ts';
import { bring, diff, list, merge, remove } from '../worktreeViews.ts';

const Asks = z.object({ asks: z.array(ProjectAsk), path: z.string() });

const modes = [
  'detach',
  'shell',
  'list',
  'remove',
  'diff',
  'merge',
  'commits',
  'cherry-pick',
  'import',
] as const;

export async function run(context: Context): Promise<number | undefined> {
  const { args } = context;
  const asked = modes.filter(name => (name === 'cherry-pick' ? args.list(name).length > 0 : args.flag(name)));
  if (asked.length > 1) fail('usage', `${asked.map(name => `--${name}`).join(' and ')} exclude each other`);
  const mode = asked[0] ?? 'attach';
  refuseStray(context, mode);
  switch (mode) {
    case 'list':
      return list(context);
    case 'remove':
      return remove(context);
    case 'diff':
      return diff(context);
    case 'merge':
      return merge(context);
    case 'commits':
      return commits(context);
    case 'cherry-pick':
      return cherryPick(context);
    case 'import':
      return bring(context);
    case 'shell':
      refuseJson(context);
      return enterRunning(context);
    case 'detach':
      return detach(context);
    case 'attach':
      return attach(context);
  }
}

/** Flags that mean something with one mode only are an error with the others, not silently nothing. */
function refuseStray({ args }: Context, mode: string): void {
  const stray = (flag: string, needed: string): void => {
    if (mode !== needed) fail('usage', `--${flag} needs --${needed}`);
  };
  if (args.flag('force')) stray('force', 'remove');
  if (args.flag('stat')) stray('stat', 'diff');
  if (args.string('base') !== undefined) stray('base', 'diff');
  if (mode !== 'list' && args.optional('branch') === undefined) {
    fail('usage', 'wt needs a <branch>', { hint: 'for example: heyvm wt feature/x' });
  }
}

function refuseJson({ out }: Context): void {
  if (out.format === 'json') {
    fail('usage', 'a shell has no JSON', { hint: 'add --detach, and use heyvm exec --format json' });
  }
}

async function detach(context: Context): Promise<undefined> {
  const { out } = context;
  const opened = await open(context, 'detached');
  const { sandbox, worktree, created } = opened;
  if (created.sandbox) await context.call('project/setup', { sandbox: sandbox.id });
  out.result(opened, () => {
    const verb = created.sandbox ? 'made and running' : 'running';
    const why = created.sandbox ? `: ${sandbox.backend_reason}` : '';
    return [
      `${sandbox.name} (${sandbox.id}) is ${verb} on ${sandbox.backend_type}${why}`,
      `branch ${worktree.branch} is in ${worktree.path}`,
    ].join('\n');
  });
  out.note(`next: heyvm sh ${sandbox.name}`);
}

async function attach(context: Context): Promise<number> {
  refuseJson(context);
  const { out } = context;
  const { sandbox, worktree, created } = await open(context, 'attached');
  if (created.sandbox) out.note(`${sandbox.backend_type}: ${sandbox.backend_reason}`);
  out.note(
    `branch ${worktree.branch} of ${worktree.repository} is at /workspace, network ${sandbox.policy.network}`,
  );
  return enterAttached(context, { sandbox, worktree, fresh: created.sandbox });
}

async function open(context: Context, life: 'attached' | 'detached') {
  const { args, call, cwd } = context;
  const branch = args.argument('branch');
  const path = args.string('path');
  const from = args.string('from');
  if (args.flag('create-branch')) await refuseExisting(context, branch);
  const opened = await agreed(context, trust =>
    call('worktree/open', {
      trust,
      cwd,
      branch,
      ...(path === undefined ? {} : { path: resolve(cwd, path) }),
      ...(from === undefined ? {} : { from }),
      spec: specOf(args, cwd, { ...lastingOf(args), attached: life === 'attached' }),
    }),
  );
  warnOfWorktree(context.out, opened.worktree);
  if (opened.created.sandbox) {
    const { path: file, unfollowed = [] } = await call('project/inspect', { folder: opened.worktree.path });
    warnOfUnfollowed(context.out, { path: file, unfollowed });
  }
  return opened;
}

/** A file of the branch that wants more than a branch may have is read when the branch is there. */
async function agreed<T>(context: Context, open: (trust: string[]) => Promise<T>): Promise<T> {
  try {
    return await open([]);
  } catch (thrown) {
    const asks = parse(Asks, toSandboxError(thrown).data);
    if (!asks.ok) throw thrown;
    return open(await agree(context, asks.value));
  }
}

async function refuseExisting({ call, cwd }: Context, branch: string): Promise<void> {
  const { branches } = await call('worktree/branches', { cwd });
  if (branches.some(known => known.kind === 'local' && known.name === branch)) {
    fail('worktree-conflict', `the branch ${branch} exists already`, {
      hint: `leave -b out: heyvm wt ${branch}`,
    });
  }
}
