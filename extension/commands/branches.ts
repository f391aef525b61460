// Commands about several branches at once: copies of a sandbox, and what each branch changed.
import * as vscode from 'vscode';
import type { Result } from '../../server/protocol/contract.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { pickComparison } from '../prompts/pickComparison.ts';
import { titleOf } from '../views/describe.ts';
import { asked, sandboxFor } from './arguments.ts';
import { showChanges } from './review.ts';

/** As many as one call takes. */
const MOST_COPIES = 64;

type Forked = Result<HelperContract, 'sandbox/fork'>;

/** `{sandbox, count}`. */
export async function fork(parts: Parts, argument: unknown): Promise<Forked | undefined> {
  const sandbox = await sandboxFor(parts, argument, {
    placeholder: 'The sandbox to copy',
    states: ['running', 'paused', 'stopped'],
  });
  if (sandbox === undefined) return undefined;
  const given = asked(argument)['count'];
  const count = typeof given === 'number' ? given : await askHowMany(sandbox);
  if (count === undefined) return undefined;
  const title = `Making ${copies(count)} of ${titleOf(sandbox)}`;
  const forked = await withProgress({ title }, options =>
    parts.helper.call('sandbox/fork', { sandbox: sandbox.id, count }, options),
  );
  void tellOfCopies(sandbox, forked);
  return forked;
}

async function askHowMany(sandbox: SandboxInfo): Promise<number | undefined> {
  const inside = sandbox.worktree === undefined ? '' : ', each with a worktree and a branch of its own';
  const answer = await vscode.window.showInputBox({
    title: `Fork ${titleOf(sandbox)}`,
    prompt: `How many running copies${inside}?`,
    value: '2',
    validateInput: value => (isCount(value) ? undefined : `A number from 1 to ${MOST_COPIES}`),
  });
  return answer === undefined ? undefined : Number(answer);
}

function isCount(value: string): boolean {
  return /^\d{1,2}$/.test(value) && Number(value) >= 1 && Number(value) <= MOST_COPIES;
}

function copies(count: number): string {
  return count === 1 ? '1 copy' : `${count} copies`;
}

async function tellOfCopies(source: SandboxInfo, forked: Forked): Promise<void> {
  const names = forked.sandboxes.map(titleOf).join(', ');
  const memory = forked.memory
    ? 'Running programs came along.'
    : `No running programs came along${forked.why_no_memory === undefined ? '' : `: ${forked.why_no_memory}`}.`;
  const compare = 'Compare Branches…';
  const text = `${copies(forked.sandboxes.length)} of ${titleOf(source)}: ${names}. ${memory}`;
  const buttons = source.worktree === undefined ? [] : [compare];
  if ((await vscode.window.showInformationMessage(text, ...buttons)) === compare)
    await vscode.commands.executeCommand('heyvm.compareBranches');
}

/** Every branch that has a sandbox, with what it changed; the chosen one is shown. */
export async function compareBranches(parts: Parts): Promise<void> {
  const listing = await parts.sandboxes.load();
  if (listing.kind === 'failed') throw listing.error;
  const branches = parts.sandboxes.all.filter(({ worktree }) => worktree !== undefined);
  if (branches.length === 0) {
    void vscode.window.showInformationMessage('No branch has a sandbox yet.');
    return;
  }
  const chosen = await pickComparison(parts.helper, branches);
  if (chosen !== undefined) await showChanges(parts, { sandbox: chosen.id });
}
