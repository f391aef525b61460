// What this machine has for the processes of this backend.
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { bundle, runnerProgram } from '../../platform/bundle.ts';
import type { Host } from './plan.ts';

/** `agent` is the program that runs inside Linux guests; outside it makes others end with their parent. */
export function readHost(agent: string): Host {
  const canLaunch = process.platform === 'linux' && isExecutable(agent);
  return {
    node: process.execPath,
    // VS Code’s own program is a Node only when it is told to be one.
    env: process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' },
    launcher: canLaunch ? agent : undefined,
    uid: process.getuid?.() ?? -1,
  };
}

/** Where a program of this backend lies beside our own. */
export function programPath(name: 'wasip2' | 'wasip2-prepare'): string {
  return runnerProgram(bundle.folder, name, 'cjs');
}

export function missingProgram(): string | undefined {
  return [programPath('wasip2'), programPath('wasip2-prepare')].find(path => !existsSync(path));
}

export function requirePrograms(): void {
  const missing = missingProgram();
  if (missing !== undefined) {
    fail('backend-missing', `${missing} is missing`, {
      hint: 'install heyvm again, or build it with: npm run build',
    });
  }
}

export function findWasmtime(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(folder => folder.startsWith('/'));
  return folders.map(folder => join(folder, 'wasmtime')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absence and a missing permission are the same answer here.
    return false;
  }
}
