// What the activated extension shows to other extensions and to the suites that run beside it.
import type { Tools } from './agents/tools.ts';
import type { Forwards } from './forwards.ts';
import type { Helper } from './helper.ts';
import type { Sandboxes } from './sandboxes.ts';
import type { SandboxTree } from './views/sandboxTree.ts';
import type { StatusBar } from './views/statusBar.ts';

export type Api = {
  readonly helper: Helper;
  readonly sandboxes: Sandboxes;
  readonly forwards: Forwards;
  readonly tree: SandboxTree;
  readonly statusBar: StatusBar;
  readonly tools: Tools;
  /** Where the editor keeps what was said in channels. */
  readonly logFolder: string;
  /** How long the synchronous part of the activation took. */
  readonly activationMs: number;
};
