// The table of what every command does; a command without a handler does not compile.
import * as vscode from 'vscode';
import type { Parts } from '../parts.ts';
import { compareBranches, fork } from './branches.ts';
import { configureAgent } from './configureAgent.ts';
import { browseFiles, copyIn, copyOut } from './files.ts';
import { installSshConfig, menu, refresh, restartHelper, runDoctor } from './health.ts';
import { remove, restart, start, stop } from './life.ts';
import {
  copySshCommand,
  followLog,
  openInBrowser,
  openTerminal,
  openWindow,
  showLog,
  showLogChannels,
} from './look.ts';
import { newSandbox } from './newSandbox.ts';
import { openBranch } from './openBranch.ts';
import { cherryPick, cleanUp } from './pick.ts';
import { forwardPort, openForward, stopForwarding } from './ports.ts';
import { mergeBack, savePatch, showChanges } from './review.ts';
import { removeSnapshot, restore, snapshot } from './snapshots.ts';
import { saveSupportBundle } from './support.ts';
import { type CommandId, commandTable } from './table.ts';
import { up } from './up.ts';

type Handler = (parts: Parts, argument: unknown) => Promise<unknown>;

const handlers: Readonly<Record<CommandId, Handler>> = {
  'heyvm.openBranch': openBranch,
  'heyvm.newSandbox': newSandbox,
  'heyvm.up': up,
  'heyvm.openTerminal': openTerminal,
  'heyvm.openWindow': openWindow,
  'heyvm.openInBrowser': openInBrowser,
  'heyvm.start': start,
  'heyvm.stop': stop,
  'heyvm.restart': restart,
  'heyvm.remove': remove,
  'heyvm.showChanges': showChanges,
  'heyvm.compareBranches': compareBranches,
  'heyvm.mergeBack': mergeBack,
  'heyvm.cherryPick': cherryPick,
  'heyvm.cleanUp': cleanUp,
  'heyvm.savePatch': savePatch,
  'heyvm.fork': fork,
  'heyvm.forwardPort': forwardPort,
  'heyvm.openForward': openForward,
  'heyvm.stopForwarding': stopForwarding,
  'heyvm.snapshot': snapshot,
  'heyvm.restore': restore,
  'heyvm.removeSnapshot': removeSnapshot,
  'heyvm.showLog': showLog,
  'heyvm.showLogChannels': showLogChannels,
  'heyvm.followLog': followLog,
  'heyvm.browseFiles': browseFiles,
  'heyvm.copyIn': copyIn,
  'heyvm.copyOut': copyOut,
  'heyvm.copySshCommand': copySshCommand,
  'heyvm.installSshConfig': installSshConfig,
  'heyvm.configureAgent': configureAgent,
  'heyvm.runDoctor': runDoctor,
  'heyvm.saveSupportBundle': saveSupportBundle,
  'heyvm.refresh': refresh,
  'heyvm.restartHelper': restartHelper,
  'heyvm.menu': menu,
};

/** A failure is shown to the person; a program that called with `{quiet: true}` gets it as an exception instead. */
export function registerCommands(parts: Parts): vscode.Disposable {
  const ids = Object.keys(handlers) as CommandId[];
  const registered = ids.map(id =>
    vscode.commands.registerCommand(id, (argument: unknown) => run(parts, id, argument)),
  );
  return vscode.Disposable.from(...registered);
}

async function run(parts: Parts, id: CommandId, argument: unknown): Promise<unknown> {
  try {
    return await handlers[id](parts, argument);
  } catch (error) {
    if (isQuiet(argument)) throw error;
    parts.reporter.show(commandTable[id].title.replace('…', ''), error);
    return undefined;
  }
}

function isQuiet(argument: unknown): boolean {
  return typeof argument === 'object' && argument !== null && 'quiet' in argument && argument.quiet === true;
}
