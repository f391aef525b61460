// Commands about snapshots: keeping what a sandbox is now, going back to it, letting it go.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { titleOf } from '../views/describe.ts';
import { asked, sandboxFor, textIn } from './arguments.ts';

/** `{sandbox, name}`; running programs are part of it where the backend can keep them. */
export async function snapshot(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const sandbox = await sandboxFor(parts, argument, {
    placeholder: 'The sandbox to keep as it is now',
    fits: ({ backend_type }) => parts.abilities.of(backend_type)?.snapshots !== 'none',
  });
  if (sandbox === undefined) return undefined;
  const name = textIn(asked(argument), 'name') ?? (await askForName(sandbox));
  if (name === undefined) return undefined;
  const isRunning = sandbox.status === 'running' || sandbox.status === 'paused';
  const memory = isRunning && parts.abilities.of(sandbox.backend_type)?.snapshots === 'memory';
  const taken = await withProgress({ title: `Keeping ${titleOf(sandbox)} as ${name}` }, options =>
    parts.helper.call(
      'sandbox/snapshot',
      { sandbox: sandbox.id, name, ...(memory ? { memory } : {}) },
      options,
    ),
  );
  if (taken.why_no_memory !== undefined)
    void vscode.window.showInformationMessage(`${name} has no running programs: ${taken.why_no_memory}.`);
  return taken.sandbox;
}

/** `{sandbox, snapshot, confirmed: true}`. */
export async function restore(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const found = await snapshotFor(parts, argument, 'restore');
  if (found === undefined) return undefined;
  const { sandbox, name } = found;
  const title = `Putting ${titleOf(sandbox)} back to ${name}`;
  return await withProgress({ title }, async options => {
    const params = { sandbox: sandbox.id, snapshot: name };
    return (await parts.helper.call('sandbox/restore', params, options)).sandbox;
  });
}

/** `{sandbox, snapshot, confirmed: true}`. */
export async function removeSnapshot(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const found = await snapshotFor(parts, argument, 'remove');
  if (found === undefined) return undefined;
  const { sandbox, name } = found;
  const params = { sandbox: sandbox.id, snapshot: name };
  return (await parts.helper.call('snapshot/remove', params)).sandbox;
}

const questions = {
  restore: {
    placeholder: 'The sandbox to put back',
    button: 'Restore',
    text: (name: string, title: string) => `Put ${title} back to ${name}?`,
    detail:
      'What runs inside ends, and what was changed outside of the workspace since then is lost. The workspace stays as it is.',
  },
  remove: {
    placeholder: 'The sandbox whose snapshot to remove',
    button: 'Remove Snapshot',
    text: (name: string, title: string) => `Remove snapshot ${name} of ${title}?`,
    detail: 'The sandbox stays as it is; there is no way back to this snapshot afterwards.',
  },
} as const;

type Found = { readonly sandbox: SandboxInfo; readonly name: string };

/** Undefined when the person turned away or did not confirm. */
async function snapshotFor(
  parts: Parts,
  argument: unknown,
  what: keyof typeof questions,
): Promise<Found | undefined> {
  const { placeholder, button, text, detail } = questions[what];
  const sandbox = await sandboxFor(parts, argument, { placeholder });
  const given = asked(argument);
  const name = textIn(given, 'snapshot') ?? textIn(asked(given['snapshot']), 'name');
  if (sandbox === undefined || name === undefined) return undefined;
  if (given['confirmed'] === true) return { sandbox, name };
  const options = { modal: true, detail };
  const chosen = await vscode.window.showWarningMessage(text(name, titleOf(sandbox)), options, button);
  return chosen === button ? { sandbox, name } : undefined;
}

async function askForName(sandbox: SandboxInfo): Promise<string | undefined> {
  const taken = new Set(sandbox.snapshots?.map(({ name }) => name));
  const { problemOfName } = await import('../helperClient.ts');
  return await vscode.window.showInputBox({
    title: `Keep ${titleOf(sandbox)} as it is now`,
    prompt: 'A name to find it by',
    value: 'before',
    validateInput: value =>
      problemOfName(value) ?? (taken.has(value) ? 'There is one with this name' : undefined),
  });
}
