// Activation: builds the parts and connects them; nothing here waits, and no process is started.
import * as vscode from 'vscode';
import { Abilities } from './abilities.ts';
import { registerMcpServers } from './agents/mcpServers.ts';
import { makeTools, registerTools } from './agents/tools.ts';
import type { Api } from './api.ts';
import { previewDocuments } from './commands/configureAgent.ts';
import { registerCommands } from './commands/handlers.ts';
import { GuestDebug } from './debug/guestDebug.ts';
import { GuestFileSystem } from './files/guestFileSystem.ts';
import { Forwards } from './forwards.ts';
import { GuestProfile } from './guestProfile.ts';
import { arrive } from './handOff/arrival.ts';
import { Helper } from './helper.ts';
import { Links } from './links.ts';
import { LogDocuments } from './logDocument.ts';
import { LogChannels } from './logs/logChannels.ts';
import {
  FILE_SCHEME,
  LIST_CONTEXT,
  LOG_SCHEME,
  PREVIEW_SCHEME,
  PROFILE_ID,
  REVIEW_SCHEME,
  TASK_TYPE,
  VIEW_ID,
} from './names.ts';
import { offerExtensions } from './offerExtensions.ts';
import { wakeForOurFiles } from './ourFiles.ts';
import type { Parts } from './parts.ts';
import { helperProgram } from './program.ts';
import { Reporter } from './report.ts';
import { ReviewFiles } from './review/reviewFiles.ts';
import { Sandboxes } from './sandboxes.ts';
import { readSettings } from './settings.ts';
import { announceHelper } from './supervision.ts';
import { GuestTasks } from './tasks/guestTasks.ts';
import { Terminals } from './terminals.ts';
import { boundaryDecorations } from './views/boundaryBadges.ts';
import { BranchStates } from './views/branchStates.ts';
import { SandboxTree } from './views/sandboxTree.ts';
import { StatusBar } from './views/statusBar.ts';
import { Usages } from './views/usages.ts';

let helper: Helper | undefined;

export function activate(context: vscode.ExtensionContext): Api {
  const begun = performance.now();
  const log = vscode.window.createOutputChannel('heyvm', { log: true });
  const parts = build(context, log);
  helper = parts.helper;
  const tree = new SandboxTree(parts);
  const view = vscode.window.createTreeView(VIEW_ID, { treeDataProvider: tree });
  tree.setVisible(view.visible);
  const statusBar = new StatusBar(parts.helper, parts.sandboxes);
  const files = new GuestFileSystem(parts.helper, parts.sandboxes);
  const tools = makeTools(parts, context.extension.packageJSON.contributes.languageModelTools);
  const logs = new LogDocuments(parts.helper);
  context.subscriptions.push(
    log,
    parts.helper,
    parts.sandboxes,
    tree,
    statusBar,
    logs,
    parts.forwards,
    parts.abilities,
    parts.branches,
    parts.usages,
    parts.logs,
    view,
    view.onDidChangeVisibility(({ visible }) => tree.setVisible(visible)),
    view.onDidCollapseElement(({ element }) => tree.setOpen(element, false)),
    view.onDidExpandElement(({ element }) => tree.setOpen(element, true)),
    vscode.window.registerTerminalProfileProvider(PROFILE_ID, new GuestProfile(parts)),
    vscode.tasks.registerTaskProvider(TASK_TYPE, new GuestTasks(parts)),
    new GuestDebug(parts).register(),
    vscode.window.registerFileDecorationProvider(boundaryDecorations),
    files,
    vscode.workspace.registerFileSystemProvider(FILE_SCHEME, files, { isCaseSensitive: true }),
    vscode.workspace.registerFileSystemProvider(REVIEW_SCHEME, new ReviewFiles(parts.helper), {
      isCaseSensitive: true,
      isReadonly: true,
    }),
    vscode.workspace.registerTextDocumentContentProvider(LOG_SCHEME, logs),
    vscode.workspace.registerTextDocumentContentProvider(PREVIEW_SCHEME, previewDocuments),
    announceHelper(parts.helper, log),
    parts.sandboxes.onDidChange(
      ({ kind }) => void vscode.commands.executeCommand('setContext', LIST_CONTEXT, kind),
    ),
    registerCommands(parts),
    vscode.window.registerUriHandler(new Links(parts.reporter)),
    registerTools(tools),
    registerMcpServers(context.extensionPath, parts.build),
    wakeForOurFiles(parts.helper),
  );
  offerExtensions(parts).catch((error: unknown) => log.warn(String(error)));
  arrive(parts).catch((error: unknown) => parts.reporter.show('Opening the window of a sandbox', error));
  return {
    helper: parts.helper,
    sandboxes: parts.sandboxes,
    forwards: parts.forwards,
    tree,
    statusBar,
    tools,
    logFolder: context.logUri.fsPath,
    activationMs: performance.now() - begun,
  };
}

export async function deactivate(): Promise<void> {
  await helper?.stop();
}

function build(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Parts {
  const parts = {
    context,
    log,
    build: process.env['HEYVM_BUILD'] ?? 'source',
    reporter: new Reporter(log),
    terminals: new Terminals(context.extensionPath),
  };
  const running = new Helper({
    log,
    build: parts.build,
    program: () => helperProgram(context.extensionPath, readSettings()),
  });
  const sandboxes = new Sandboxes(running);
  return {
    ...parts,
    helper: running,
    sandboxes,
    forwards: new Forwards(running, sandboxes),
    abilities: new Abilities(running),
    branches: new BranchStates(running),
    usages: new Usages(running),
    logs: new LogChannels({ helper: running, sandboxes }),
  };
}
