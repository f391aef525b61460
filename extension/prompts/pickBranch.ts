// The quick pick of branches: those in a sandbox first, then local ones by age, then remote ones, then a new one.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Branch } from '../../server/protocol/worktree.ts';
import { ageOf } from '../age.ts';
import { branchProblem } from '../branchName.ts';
import { pictureOf, summaryOf } from '../views/describe.ts';

export type Branches = {
  readonly repository: string;
  readonly current?: string | undefined;
  readonly branches: readonly Branch[];
};

export type BranchChoice =
  | { readonly kind: 'branch'; readonly branch: string; readonly from?: string }
  | { readonly kind: 'backend' };

export type BranchQuestion = {
  readonly branches: Promise<Branches>;
  readonly sandboxes: Promise<readonly SandboxInfo[]>;
  /** Empty for the automatic choice. */
  readonly backend: string;
};

type Item = vscode.QuickPickItem & {
  readonly choice?: { readonly branch: string; readonly kind: 'existing' | 'new' };
};

/** Undefined when the person turned away. */
export async function pickBranch(question: BranchQuestion): Promise<BranchChoice | undefined> {
  const chosen = await askForItem(question);
  if (chosen === undefined || chosen === 'backend') return chosen && { kind: 'backend' };
  if (chosen.choice?.kind === 'existing') return { kind: 'branch', branch: chosen.choice.branch };
  return await newBranch(await question.branches, chosen.choice?.branch ?? '');
}

async function askForItem(question: BranchQuestion): Promise<Item | 'backend' | undefined> {
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = 'Open Branch in Sandbox';
  pick.placeholder = 'A branch, or the name of a new one';
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  pick.busy = true;
  const backend = question.backend === '' ? 'automatic' : question.backend;
  pick.buttons = [
    { iconPath: new vscode.ThemeIcon('server-environment'), tooltip: `Backend: ${backend}. Choose another…` },
  ];
  let known: readonly Item[] = [];
  const paint = () => {
    pick.items = [...known, ...newItems(known, pick.value.trim())];
  };
  try {
    return await new Promise((resolve, reject) => {
      pick.onDidTriggerButton(() => resolve('backend'));
      pick.onDidAccept(() => {
        const item = pick.selectedItems[0];
        if (item !== undefined) resolve(item);
      });
      pick.onDidHide(() => resolve(undefined));
      pick.onDidChangeValue(paint);
      pick.show();
      Promise.all([question.branches, question.sandboxes]).then(([branches, sandboxes]) => {
        known = itemsOf(branches, sandboxes);
        pick.busy = false;
        paint();
      }, reject);
    });
  } finally {
    pick.dispose();
  }
}

function itemsOf({ repository, branches, current }: Branches, all: readonly SandboxInfo[]): Item[] {
  const sandboxes = all.filter(sandbox => sandbox.worktree?.repository === repository);
  const taken = new Set(sandboxes.map(sandbox => sandbox.worktree?.branch));
  const free = branches.filter(branch => !taken.has(branch.name));
  return [
    ...section('In a sandbox', sandboxes.flatMap(sandboxItem)),
    ...section(
      'Local branches',
      free.filter(({ kind }) => kind === 'local').map(branch => branchItem(branch, current)),
    ),
    ...section(
      'Remote branches',
      free.filter(({ kind }) => kind === 'remote').map(branch => branchItem(branch, current)),
    ),
  ];
}

function section(label: string, items: readonly Item[]): Item[] {
  return items.length === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }, ...items];
}

function sandboxItem(sandbox: SandboxInfo): Item[] {
  if (sandbox.worktree === undefined) return [];
  const { branch } = sandbox.worktree;
  return [
    {
      label: `$(${pictureOf(sandbox).icon}) ${branch}`,
      description: summaryOf(sandbox),
      choice: { kind: 'existing', branch },
    },
  ];
}

function branchItem(branch: Branch, current: string | undefined): Item {
  const icon = branch.kind === 'local' ? 'git-branch' : 'cloud';
  const description = [branch.name === current ? 'checked out' : '', ageOf(branch.committed_at, Date.now())];
  return {
    label: `$(${icon}) ${branch.name}`,
    description: description.filter(Boolean).join(' · '),
    detail: branch.subject,
    choice: { kind: 'existing', branch: branch.name },
  };
}

function newItems(known: readonly Item[], typed: string): Item[] {
  const exists = known.some(item => item.choice?.branch === typed);
  const label = typed === '' || exists ? '$(add) New branch from…' : `$(add) New branch ${typed} from…`;
  const choice = { kind: 'new', branch: exists ? '' : typed } as const;
  return [
    { label: 'New', kind: vscode.QuickPickItemKind.Separator },
    { label, alwaysShow: true, choice },
  ];
}

async function newBranch(branches: Branches, typed: string): Promise<BranchChoice | undefined> {
  const names = new Set(branches.branches.map(branch => branch.name));
  const problemOf = (name: string) =>
    branchProblem(name) ?? (names.has(name) ? `There is a branch ${name} already` : undefined);
  const isReady = typed !== '' && problemOf(typed) === undefined;
  const branch = isReady
    ? typed
    : await vscode.window.showInputBox({
        title: 'New Branch',
        prompt: 'Its name',
        value: typed,
        validateInput: problemOf,
      });
  if (branch === undefined) return undefined;
  const items = branches.branches.map(start => branchItem(start, branches.current));
  const current = items.find(item => item.choice?.branch === branches.current);
  const ordered = current === undefined ? items : [current, ...items.filter(item => item !== current)];
  if (ordered.length === 0) return { kind: 'branch', branch };
  const start = await vscode.window.showQuickPick(ordered, {
    title: `New Branch ${branch}`,
    placeHolder: 'Where it begins',
  });
  return start?.choice === undefined ? undefined : { kind: 'branch', branch, from: start.choice.branch };
}
