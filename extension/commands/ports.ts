// Commands about ports of a sandbox: bringing one to this machine, opening it in a browser, letting it go.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { showInBrowser } from '../browser.ts';
import type { Forward } from '../forwards.ts';
import type { Parts } from '../parts.ts';
import { titleOf } from '../views/describe.ts';
import { asked, sandboxFor, textIn } from './arguments.ts';

/** `{sandbox, port, open: 'none'}`; on an element of the tree or from a program, the port is known. */
export async function forwardPort(parts: Parts, argument: unknown): Promise<Forward | undefined> {
  const found = await portFor(parts, argument, pickListening);
  if (found === undefined) return undefined;
  const { sandbox, port } = found;
  const forward = await parts.forwards.open(sandbox, port);
  if (textIn(asked(argument), 'open') !== 'none') void offerBrowser(sandbox, forward);
  return forward;
}

export async function openForward(parts: Parts, argument: unknown): Promise<void> {
  const found = await portFor(parts, argument, pickForwarded);
  const forward = found && parts.forwards.of(found.sandbox.id).find(({ port }) => port === found.port);
  if (forward !== undefined) await showInBrowser(forward);
}

export async function stopForwarding(parts: Parts, argument: unknown): Promise<void> {
  const found = await portFor(parts, argument, pickForwarded);
  if (found !== undefined) await parts.forwards.close(found.sandbox.id, found.port);
}

type Found = { readonly sandbox: SandboxInfo; readonly port: number };
type Ask = (parts: Parts, sandbox: SandboxInfo) => Promise<number | undefined>;

async function portFor(parts: Parts, argument: unknown, ask: Ask): Promise<Found | undefined> {
  const placeholder = 'The sandbox whose port is meant';
  const sandbox = await sandboxFor(parts, argument, { placeholder, states: ['running'] });
  if (sandbox === undefined) return undefined;
  const given = asked(argument)['port'];
  const port = typeof given === 'number' ? given : await ask(parts, sandbox);
  return port === undefined ? undefined : { sandbox, port };
}

async function pickListening(parts: Parts, sandbox: SandboxInfo): Promise<number | undefined> {
  const { ports } = await parts.helper.call('sandbox/ports', { sandbox: sandbox.id });
  const listening = [...new Set(ports.map(({ port }) => port))].sort((one, other) => one - other);
  if (listening.length === 0) return await askForNumber();
  const another = { label: 'Another port…', port: undefined };
  const items = [...listening.map(port => ({ label: `$(plug) ${port}`, port })), another];
  const chosen = await vscode.window.showQuickPick(items, {
    placeHolder: `What listens in ${titleOf(sandbox)}`,
  });
  return chosen === another ? await askForNumber() : chosen?.port;
}

async function pickForwarded(parts: Parts, { id }: SandboxInfo): Promise<number | undefined> {
  const items = parts.forwards
    .of(id)
    .map(({ port, host }) => ({ label: `${port}`, description: `127.0.0.1:${host}`, port }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'The forwarded port' }))?.port;
}

async function askForNumber(): Promise<number | undefined> {
  const answer = await vscode.window.showInputBox({
    title: 'Forward a port of the sandbox',
    prompt: 'Nothing has to listen yet',
    validateInput: value =>
      /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535
        ? undefined
        : 'A number from 1 to 65535',
  });
  return answer === undefined ? undefined : Number(answer);
}

async function offerBrowser(sandbox: SandboxInfo, forward: Forward): Promise<void> {
  const { port, host } = forward;
  const taken = port === host ? '' : ` Port ${port} of this machine was not free.`;
  const open = 'Open in Browser';
  const text = `Port ${port} of ${titleOf(sandbox)} is at 127.0.0.1:${host}.${taken}`;
  if ((await vscode.window.showInformationMessage(text, open)) === open) await showInBrowser(forward);
}
