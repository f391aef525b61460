// Start, Stop, Restart and Remove.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { CallFailure } from '../failure.ts';
import { forgetWindow } from '../handOff/localWindow.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { titleOf } from '../views/describe.ts';
import { asked, sandboxFor } from './arguments.ts';

export async function start(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const sandbox = await sandboxFor(parts, argument, {
    placeholder: 'The sandbox to start',
    states: ['created', 'stopped', 'failed'],
  });
  return sandbox && (await startSandbox(parts, sandbox));
}

/** Does nothing to one that runs. */
export async function startSandbox(parts: Parts, sandbox: SandboxInfo): Promise<SandboxInfo> {
  if (sandbox.status === 'running') return sandbox;
  const started = await withProgress({ title: `Starting ${titleOf(sandbox)}` }, options =>
    parts.helper.call('sandbox/start', { sandbox: sandbox.id }, options),
  );
  return started.sandbox;
}

export async function stop(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const sandbox = await sandboxFor(parts, argument, {
    placeholder: 'The sandbox to stop',
    states: ['starting', 'running', 'paused'],
  });
  if (sandbox === undefined) return undefined;
  const stopped = await withProgress({ title: `Stopping ${titleOf(sandbox)}` }, options =>
    parts.helper.call('sandbox/stop', { sandbox: sandbox.id }, options),
  );
  return stopped.sandbox;
}

export async function restart(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const sandbox = await sandboxFor(parts, argument, {
    placeholder: 'The sandbox to restart',
    states: ['running', 'paused'],
  });
  if (sandbox === undefined) return undefined;
  const restarted = await withProgress({ title: `Restarting ${titleOf(sandbox)}` }, options =>
    parts.helper.call('sandbox/restart', { sandbox: sandbox.id }, options),
  );
  return restarted.sandbox;
}

type Extent = 'sandbox' | 'worktree';

/** `{sandbox, confirmed: 'sandbox' | 'worktree'}`: a program that asks has already got the person's consent. */
export async function remove(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox to remove' });
  if (sandbox === undefined) return undefined;
  const confirmed = asked(argument)['confirmed'];
  const extent =
    confirmed === 'sandbox' || confirmed === 'worktree' ? confirmed : await confirmRemoval(sandbox);
  if (extent === undefined) return undefined;
  await withProgress({ title: `Removing ${titleOf(sandbox)}` }, async options => {
    if (extent === 'sandbox' || sandbox.worktree === undefined) {
      await parts.helper.call('sandbox/remove', { sandbox: sandbox.id, force: true }, options);
      return;
    }
    const { repository: cwd, branch } = sandbox.worktree;
    await parts.helper.call('worktree/remove', { cwd, branch }, options).catch(async (error: unknown) => {
      if (!(error instanceof CallFailure) || error.code !== 'worktree-dirty') throw error;
      if (!(await confirmLoss(error))) return;
      await parts.helper.call('worktree/remove', { cwd, branch, force: true }, options);
    });
  });
  await forgetWindow(parts.context, sandbox);
  return sandbox;
}

async function confirmRemoval(sandbox: SandboxInfo): Promise<Extent | undefined> {
  const alone = 'Remove Sandbox';
  const both = 'Remove Sandbox and Worktree';
  const { worktree } = sandbox;
  const running = sandbox.status === 'running' ? 'It is running; what runs inside ends. ' : '';
  const stays =
    worktree === undefined
      ? `The folder ${sandbox.workspace.path} goes if it belongs to the sandbox, and stays if you chose it.`
      : `Branch ${worktree.branch} and its commits stay in any case. The worktree ${worktree.path} stays unless you remove it too, which is refused with uncommitted or unpushed work.`;
  const chosen = await vscode.window.showWarningMessage(
    `Remove ${titleOf(sandbox)}?`,
    { modal: true, detail: `${running}${stays}` },
    ...(worktree === undefined ? [alone] : [alone, both]),
  );
  if (chosen === undefined) return undefined;
  return chosen === both ? 'worktree' : 'sandbox';
}

async function confirmLoss(failure: CallFailure): Promise<boolean> {
  const lose = 'Remove and Lose It';
  const detail = `${failure.message}. Removing the worktree loses this work for good.`;
  return (
    (await vscode.window.showWarningMessage('There is unsaved work', { modal: true, detail }, lose)) === lose
  );
}
