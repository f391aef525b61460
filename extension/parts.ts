// What the commands are given: the parts of the extension, built once at activation.
import type * as vscode from 'vscode';
import type { Abilities } from './abilities.ts';
import type { Forwards } from './forwards.ts';
import type { Helper } from './helper.ts';
import type { LogChannels } from './logs/logChannels.ts';
import type { Reporter } from './report.ts';
import type { Sandboxes } from './sandboxes.ts';
import type { Terminals } from './terminals.ts';
import type { BranchStates } from './views/branchStates.ts';
import type { Usages } from './views/usages.ts';

export type Parts = {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  /** Names this build; another one has another name. */
  readonly build: string;
  readonly helper: Helper;
  readonly sandboxes: Sandboxes;
  readonly terminals: Terminals;
  readonly forwards: Forwards;
  readonly abilities: Abilities;
  readonly branches: BranchStates;
  readonly usages: Usages;
  readonly logs: LogChannels;
  readonly reporter: Reporter;
};
