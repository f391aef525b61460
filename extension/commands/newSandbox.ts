// New Sandbox: a sandbox without a branch, on an empty folder or on one of the person's choice.
import * as vscode from 'vscode';
import type { SandboxSpec } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { pickFolder } from '../prompts/pickRepository.ts';
import { readSettings } from '../settings.ts';
import { asked, textIn } from './arguments.ts';

type Answers = { readonly name: string; readonly workspace: string | undefined };

/** `{name, workspace, backend, open: 'terminal' | 'none'}`; without a name everything is asked. */
export async function newSandbox(parts: Parts, argument: unknown) {
  const given = asked(argument);
  const name = textIn(given, 'name');
  const answers = name === undefined ? await askFor(parts) : { name, workspace: textIn(given, 'workspace') };
  if (answers === undefined) return undefined;
  const spec = specOf(answers, textIn(given, 'backend') ?? readSettings().backend);
  const { sandbox } = await withProgress({ title: `Making ${answers.name}` }, options =>
    parts.helper.call('sandbox/create', { spec }, options),
  );
  if (textIn(given, 'open') !== 'none') parts.terminals.open(sandbox);
  return sandbox;
}

function specOf({ name, workspace }: Answers, backend: string): SandboxSpec {
  const { network } = readSettings();
  return {
    name,
    ...(workspace === undefined ? {} : { workspace }),
    ...(backend === '' ? {} : { backend }),
    ...(network === undefined ? {} : { network }),
  };
}

async function askFor(parts: Parts): Promise<Answers | undefined> {
  await parts.sandboxes.load();
  const { problemOfName } = await import('../helperClient.ts');
  const taken = new Set(parts.sandboxes.all.map(sandbox => sandbox.name));
  const name = await vscode.window.showInputBox({
    title: 'New Sandbox (1/2)',
    prompt: 'Its name, which is also its ssh alias after heyvm-',
    value: freeName(taken),
    validateInput: text =>
      problemOfName(text) ?? (taken.has(text) ? `There is a sandbox ${text} already` : undefined),
  });
  if (name === undefined) return undefined;
  const empty = { label: '$(new-folder) An empty folder of its own', kindOfWorkspace: 'empty' } as const;
  const chosenFolder = {
    label: '$(folder-opened) A folder of this machine…',
    detail: 'Shown at /workspace; what happens inside happens to it',
    kindOfWorkspace: 'folder',
  } as const;
  const answer = await vscode.window.showQuickPick([empty, chosenFolder], {
    title: 'New Sandbox (2/2)',
    placeHolder: 'Its workspace',
  });
  if (answer === undefined) return undefined;
  if (answer.kindOfWorkspace === 'empty') return { name, workspace: undefined };
  const workspace = await pickFolder('Choose Workspace');
  return workspace === undefined ? undefined : { name, workspace };
}

function freeName(taken: ReadonlySet<string>): string {
  let number = 1;
  while (taken.has(`sandbox-${number}`)) number += 1;
  return `sandbox-${number}`;
}
