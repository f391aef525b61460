// A repository with a worktree that a guest may write to, and what people and heyvm do with it on the host afterwards.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../../server/core/errors.ts';
import { listBranches } from '../../../server/worktrees/branches.ts';
import { ensureWorktree } from '../../../server/worktrees/create.ts';
import { diffOf } from '../../../server/worktrees/diff.ts';
import { ownFolderOf } from '../../../server/worktrees/gitFolder.ts';
import { hazardsOf } from '../../../server/worktrees/hazards.ts';
import { mergeBranch } from '../../../server/worktrees/merge.ts';
import { gitMounts } from '../../../server/worktrees/mounts.ts';
import { removeWorktree } from '../../../server/worktrees/remove.ts';
import { listRegistered, type Repository } from '../../../server/worktrees/repository.ts';
import { type Target, unsavedWork } from '../../../server/worktrees/status.ts';
import { type Attack, evilConfig, evilRepository } from './plants.ts';
import { type Lab, makeLab } from './repo.ts';

export type Siege = {
  readonly lab: Lab;
  readonly worktree: string;
  readonly repository: Repository;
  readonly target: Target;
  /** Whether anything ran on the host, or a file of the person changed. */
  isBroken(): boolean;
};

export async function makeSiege(): Promise<Siege> {
  const lab = makeLab();
  const rc = rcOf(lab);
  lab.write(rc, '# mine\n');
  const repository = await lab.repository();
  lab.git(lab.main, 'worktree', 'add', '--quiet', '-b', 'other', join(lab.folder, 'other'));
  const worktree = join(lab.folder, 'feature');
  await ensureWorktree(lab.host, repository, { branch: 'feature', path: worktree, include: [] });
  const own = await ownFolderOf(repository.commonDir, worktree);
  const target = { repository, worktree, branch: 'feature', own };
  const isBroken = () => existsSync(canaryOf(lab)) || readFileSync(rc, 'utf8') !== '# mine\n';
  return { lab, worktree, repository, target, isBroken };
}

/** What a guest runs, with the names that the plants use. */
export function plantScript({ lab, worktree, repository, target }: Siege, script: string): string {
  const lines = [
    `C='${repository.commonDir}'; O='${target.own.gitDir}'; W='${worktree}'; M='${lab.main}'; RC='${rcOf(lab)}'`,
    `EVIL='touch ${canaryOf(lab)}'`,
    evilRepository,
    evilConfig,
    'exec 2>/dev/null',
    script,
  ];
  return `${lines.join('\n')}\n`;
}

/** After something was planted: heyvm and people work on, and nothing of it runs. */
export async function assertHarmless(siege: Siege, { plainStatus }: Attack): Promise<void> {
  const { lab, target, worktree } = siege;
  const nothingRan = (when: string) => assert.equal(siege.isBroken(), false, `something ran: ${when}`);
  nothingRan('while it was planted');
  await ourOwn(siege);
  nothingRan('heyvm looked at the worktree');
  if (plainStatus !== 'waits') plainInMain(lab);
  nothingRan('git ran in the main worktree');
  await ourOwn(siege);
  nothingRan('heyvm looked again');
  if (plainStatus === 'runs it') {
    // Nothing that the host can set keeps git status out of a nested repository, so people are warned instead.
    assert.match((await hazardsOf(target.own, worktree)).join('\n'), /nested repositories/);
  } else if (plainStatus !== 'waits') {
    plainInWorktree(siege);
    nothingRan('git ran in the worktree');
  }
  await tolerant(() => removeWorktree(target));
  nothingRan('the worktree was removed');
  assert.equal(lab.git(lab.main, 'rev-parse', '--is-inside-work-tree'), 'true');
}

/** Without protection something of it runs; otherwise its attack proves nothing. */
export function assertHarmful(siege: Siege): void {
  const { lab, worktree } = siege;
  plainInMain(lab);
  plainInWorktree(siege);
  lab.tryGit(worktree, 'commit', '--quiet', '--allow-empty', '-m', `$(touch ${canaryOf(lab)})`);
  assert.equal(siege.isBroken(), true);
}

function rcOf(lab: Lab): string {
  return join(lab.folder, 'home', '.bashrc');
}

function canaryOf(lab: Lab): string {
  return join(lab.folder, 'canary');
}

/** What a person would run without thinking. */
function plainInMain(lab: Lab): void {
  for (const args of [
    ['status'],
    ['log', '--all', '--oneline', '-5'],
    ['diff'],
    ['diff', 'HEAD', '--stat'],
    ['branch', '--all', '-vv'],
    ['stash', 'list'],
    ['reflog', '-3'],
    ['worktree', 'list'],
    ['show', '--stat', 'feature'],
    ['fetch', '--all'],
    ['commit', '--quiet', '--allow-empty', '-m', 'more'],
    ['merge', '--quiet', '--no-edit', 'feature'],
    ['gc', '--auto'],
    ['checkout', '--quiet', '-'],
  ]) {
    lab.tryGit(lab.main, ...args);
  }
  lab.tryGit(join(lab.folder, 'other'), 'status');
}

function plainInWorktree({ lab, worktree }: Siege): void {
  for (const args of [
    ['status'],
    ['log', '-3'],
    ['diff'],
    ['diff', 'HEAD'],
    ['branch'],
    ['stash', 'list'],
    ['ls-files'],
  ]) {
    lab.tryGit(worktree, ...args);
  }
}

async function ourOwn({ lab, repository, target, worktree }: Siege): Promise<void> {
  const { host } = lab;
  // Every call begins with this, and refuses refs that nothing should read.
  await tolerant(() => lab.repository());
  if (!(await isReadable(lab))) return;
  await tolerant(() => listBranches(host, repository));
  await tolerant(() => listRegistered(repository));
  await tolerant(() => hazardsOf(target.own, worktree));
  await tolerant(() => unsavedWork(host, target, undefined));
  await tolerant(() => diffOf(host, target, { format: 'patch' }, undefined));
  await tolerant(() => diffOf(host, target, { format: 'stat' }, undefined));
  await tolerant(() => gitMounts({ branch: 'feature', path: worktree, repository: repository.root }));
  await tolerant(() => mergeBranch(host, repository, 'feature'));
}

/** Expected failures are fine; a defect or a hang is not. */
async function tolerant(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof SandboxError, String(error));
    assert.notEqual(error.code, 'internal', error.message);
    assert.notEqual(error.code, 'timeout', error.message);
  }
}

function isReadable(lab: Lab): Promise<boolean> {
  return lab.repository().then(
    () => true,
    () => false,
  );
}
