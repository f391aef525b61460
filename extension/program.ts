// Where the bundled programs are and how they are started: the helper, and the launcher that terminals run.
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from './settings.ts';

export type Program = {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
};

/** The helper runs on the editor's own Node unless a setting names another one. */
export function helperProgram(extensionPath: string, settings: Settings): Program {
  return {
    file: nodeOf(settings),
    args: [join(extensionPath, 'dist', 'helper.cjs')],
    cwd: homedir(),
    env: { ...inherited(), ELECTRON_RUN_AS_NODE: '1' },
  };
}

/** `heyvm <args>` for a terminal; what it must know about Node goes by the environment. */
export function launcherProgram(extensionPath: string, settings: Settings, args: readonly string[]): Program {
  const home = process.env['HEYO_HOME'];
  return {
    file: join(extensionPath, 'dist', 'heyvm'),
    args,
    cwd: homedir(),
    env: {
      HEYVM_NODE: nodeOf(settings),
      ELECTRON_RUN_AS_NODE: '1',
      ...(home === undefined ? {} : { HEYO_HOME: home }),
    },
  };
}

function nodeOf(settings: Settings): string {
  return settings.helperNode === '' ? process.execPath : settings.helperNode;
}

/** Options for the editor's own Node would reach ours: a debugger's bootstrap, or flags that it does not know. */
function inherited(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && name !== 'NODE_OPTIONS' && name !== 'VSCODE_INSPECTOR_OPTIONS')
      env[name] = value;
  }
  return env;
}
