// Bring Up Project: makes or finds the sandbox that a project's file describes, and starts its command.
import * as vscode from 'vscode';
import { CallFailure } from '../failure.ts';
import { openInWindow } from '../handOff/openInWindow.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { agree, tellOfUnfollowed } from '../prompts/agree.ts';
import { pickRepository } from '../prompts/pickRepository.ts';
import { asked, textIn } from './arguments.ts';

/** `{folder, trust}`: a program that gives `trust` has got the person's consent to these words. */
export async function up(parts: Parts, argument: unknown) {
  const given = asked(argument);
  const folder = textIn(given, 'folder') ?? (await pickRepository());
  if (folder === undefined) return undefined;
  const inspected = await parts.helper.call('project/inspect', { folder });
  const [problem] = inspected.problems;
  if (problem !== undefined) {
    void showProblem(inspected.path, problem.start);
    const { hint, message } = problem;
    const what = `${inspected.path}:${problem.start.line}: ${message}`;
    throw new CallFailure({
      code: 'settings-broken',
      message: what,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  const trust = trustIn(given['trust']) ?? (await agree(inspected.path, inspected.asks));
  const done = await withProgress({ title: `Bringing up ${folder}` }, options =>
    parts.helper.call('project/up', { folder, trust }, options),
  );
  if (done.created) void tellOfUnfollowed(parts, folder);
  void offerNext(parts, done);
  return done;
}

type Up = { readonly sandbox: Parameters<typeof openInWindow>[1]; readonly created: boolean };

async function offerNext(parts: Parts, { sandbox, created }: Up): Promise<void> {
  const window = 'Open in New Window';
  const terminal = 'Open Terminal';
  const log = 'Show Log';
  const text = `${sandbox.name} ${created ? 'was made and runs' : 'runs'} on ${sandbox.backend_type}`;
  const chosen = await vscode.window.showInformationMessage(text, window, terminal, log);
  if (chosen === window) await openInWindow(parts, sandbox);
  if (chosen === terminal) parts.terminals.open(sandbox);
  if (chosen === log) await vscode.commands.executeCommand('heyvm.showLog', { sandbox: sandbox.id });
}

async function showProblem(path: string, { line, column }: { line: number; column: number }): Promise<void> {
  const place = new vscode.Position(line - 1, column - 1);
  await vscode.window.showTextDocument(vscode.Uri.file(path), { selection: new vscode.Range(place, place) });
}

function trustIn(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every(each => typeof each === 'string') ? value : undefined;
}
