// The question about what the file of a project asks for beyond what anybody gets, and what is said of the rest.
import * as vscode from 'vscode';
import type { ProjectAsk } from '../../server/protocol/projectFile.ts';
import { CallFailure, cancelled } from '../failure.ts';
import type { Parts } from '../parts.ts';

const AGREE = 'Give It That';

/** Answers what was agreed to, in the words of the file. */
export async function agree(path: string, asks: readonly ProjectAsk[]): Promise<string[]> {
  if (asks.length === 0) return [];
  const detail = asks.map(({ what, why }) => `${what}: ${why}`).join('\n\n');
  const title = `${path} asks for more than a branch may have`;
  const answer = await vscode.window.showWarningMessage(title, { modal: true, detail }, AGREE);
  if (answer !== AGREE) throw cancelled();
  return asks.map(({ what }) => what);
}

/** Asks again with what the person agreed to, where the first answer is that somebody has to. */
export async function agreed<T>(open: (trust: string[]) => Promise<T>): Promise<T> {
  try {
    return await open([]);
  } catch (error) {
    const asked = error instanceof CallFailure ? askedIn(error.data) : undefined;
    if (asked === undefined) throw error;
    return await open(await agree(asked.path, asked.asks));
  }
}

/** What the file of another tool says in vain. */
export async function tellOfUnfollowed(parts: Parts, folder: string): Promise<void> {
  const { path, unfollowed = [] } = await parts.helper.call('project/inspect', { folder });
  if (unfollowed.length === 0) return;
  const lines = unfollowed.map(({ what, why }) => `${what} is not followed: ${why}`);
  for (const line of lines) parts.log.warn(`${path}: ${line}`);
  const show = 'Show Log';
  const names = unfollowed.map(({ what }) => what).join(', ');
  const answer = await vscode.window.showWarningMessage(`Not followed of ${path}: ${names}`, show);
  if (answer === show) parts.log.show();
}

function askedIn(data: unknown): { path: string; asks: ProjectAsk[] } | undefined {
  if (typeof data !== 'object' || data === null || !('asks' in data) || !Array.isArray(data.asks))
    return undefined;
  const path = 'path' in data && typeof data.path === 'string' ? data.path : 'The file of the project';
  return { path, asks: data.asks as ProjectAsk[] };
}
