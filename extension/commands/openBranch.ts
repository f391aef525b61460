// Open Branch in Sandbox: from a branch name to a running sandbox and a place to work in it.
import * as vscode from 'vscode';
import type { SandboxSpec } from '../../server/protocol/sandbox.ts';
import { offerToIgnoreWorktree } from '../handOff/hostGit.ts';
import { openInWindow } from '../handOff/openInWindow.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { agreed, tellOfUnfollowed } from '../prompts/agree.ts';
import { pickBackend } from '../prompts/pickBackend.ts';
import { type BranchChoice, pickBranch } from '../prompts/pickBranch.ts';
import { pickRepository } from '../prompts/pickRepository.ts';
import { readSettings } from '../settings.ts';
import { type Asked, asked, textIn } from './arguments.ts';

type Wish = {
  readonly cwd: string;
  readonly branch: string;
  readonly from?: string;
  readonly backend: string;
};

/** `{repository, branch, from, backend, open: 'window' | 'terminal' | 'none', signal}`; what is left out is asked. */
export async function openBranch(parts: Parts, argument: unknown) {
  const given = asked(argument);
  const wish = await wishFrom(parts, given);
  if (wish === undefined) return undefined;
  const opened = await withProgress(
    { title: `Opening ${wish.branch} in a sandbox`, signal: signalIn(given) },
    options => agreed(trust => parts.helper.call('worktree/open', { ...paramsOf(wish), trust }, options)),
  );
  const { sandbox, created, worktree } = opened;
  parts.log.info(
    `${wish.branch} is in ${sandbox.name} on ${sandbox.backend_type}: ${sandbox.backend_reason}`,
  );
  if (created.sandbox) {
    void tellOfUnfollowed(parts, worktree.path);
    vscode.window.setStatusBarMessage(
      `$(check) ${wish.branch}: ${sandbox.backend_type}, ${sandbox.backend_reason}`,
      8_000,
    );
  }
  if (worktree.warnings !== undefined && worktree.warnings.length > 0) {
    void vscode.window.showWarningMessage(`${wish.branch}: ${worktree.warnings.join('; ')}`);
  }
  const where = textIn(given, 'open') ?? readSettings().openIn;
  if (where === 'none') return opened;
  void offerToIgnoreWorktree(parts, sandbox);
  if (where === 'terminal') parts.terminals.open(sandbox);
  else await openInWindow(parts, sandbox);
  return opened;
}

async function wishFrom(parts: Parts, given: Asked): Promise<Wish | undefined> {
  const cwd = textIn(given, 'repository') ?? (await pickRepository());
  if (cwd === undefined) return undefined;
  const backend = textIn(given, 'backend') ?? readSettings().backend;
  const branch = textIn(given, 'branch');
  if (branch === undefined) return await askFor(parts, cwd, backend);
  const from = textIn(given, 'from');
  return { cwd, branch, backend, ...(from === undefined ? {} : { from }) };
}

/** The choice of the backend is a detour that ends at the branches again. */
async function askFor(parts: Parts, cwd: string, preferred: string): Promise<Wish | undefined> {
  const branches = parts.helper.call('worktree/branches', { cwd });
  const sandboxes = parts.sandboxes.load().then(() => parts.sandboxes.all);
  let backend = preferred;
  for (;;) {
    const choice: BranchChoice | undefined = await pickBranch({ branches, sandboxes, backend });
    if (choice === undefined) return undefined;
    if (choice.kind === 'branch') return { cwd, backend, ...withoutKind(choice) };
    backend = (await pickBackend(parts.helper, backend)) ?? backend;
  }
}

function withoutKind({ branch, from }: Extract<BranchChoice, { kind: 'branch' }>) {
  return from === undefined ? { branch } : { branch, from };
}

function paramsOf(wish: Wish) {
  const { network } = readSettings();
  const spec: SandboxSpec = {
    ...(wish.backend === '' ? {} : { backend: wish.backend }),
    ...(network === undefined ? {} : { network }),
  };
  return {
    cwd: wish.cwd,
    branch: wish.branch,
    spec,
    ...(wish.from === undefined ? {} : { from: wish.from }),
  };
}

function signalIn(given: Asked): AbortSignal | undefined {
  return given['signal'] instanceof AbortSignal ? given['signal'] : undefined;
}
