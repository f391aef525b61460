// What a forwarded port shows in a browser, at the address under which the browser of this person reaches it.
import * as vscode from 'vscode';
import type { Forward } from './forwards.ts';

/** Answers the address. */
export async function showInBrowser(forward: Forward): Promise<string> {
  const address = await addressOf(forward);
  // A text is opened as it is, whereas the query of a Uri would be encoded once more.
  await vscode.commands.executeCommand('vscode.open', address);
  return address;
}

/** Where this runs on another machine than the browser, the editor brings the port over. */
export async function addressOf({ host, page = {} }: Forward): Promise<string> {
  const here = vscode.Uri.parse(`http://127.0.0.1:${host}/`);
  const address = new URL((await reachable(here)).toString(true));
  for (const [name, value] of Object.entries(page)) address.searchParams.set(name, value);
  return address.href;
}

async function reachable(here: vscode.Uri): Promise<vscode.Uri> {
  try {
    return await vscode.env.asExternalUri(here);
  } catch {
    // An editor that cannot bring ports over runs where its browser is.
    return here;
  }
}
