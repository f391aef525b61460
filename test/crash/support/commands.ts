// The command line as people run it: processes that can be killed, and what they said.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../../../scripts/lib/command.ts';
import { bundle } from '../../../server/platform/bundle.ts';
import { skipBecause, whyNoEngine } from '../../process/support/engine.ts';

export const commandLine = join(bundle.folder, 'cli.cjs');

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Command = { readonly child: ChildProcess; readonly ended: Promise<Ended> };

export function startCommand(home: string, ...args: readonly string[]): Command {
  return startCommandIn({ home, cwd: '/' }, ...args);
}

export function startCommandIn(
  { home, cwd }: { readonly home: string; readonly cwd: string },
  ...args: readonly string[]
): Command {
  const child = spawn(process.execPath, [commandLine, ...args], {
    cwd,
    env: environment(home),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', chunk => {
    stdout += String(chunk);
  });
  child.stderr.on('data', chunk => {
    stderr += String(chunk);
  });
  return {
    child,
    ended: new Promise(resolve => child.once('close', code => resolve({ code, stdout, stderr }))),
  };
}

export function heyvm(home: string, ...args: readonly string[]): Promise<Ended> {
  return startCommand(home, ...args).ended;
}

/** For `before`: skips the suite, saying why, where neither owners nor the command line can run. */
export function needCommandLine(this: Mocha.Context): void {
  const whyNot = existsSync(commandLine) ? undefined : 'dist/cli.cjs is not built';
  skipBecause(this, whyNoEngine() ?? whyNot);
}

/** The command line as it is after the machine came up again, that is with another boot id; fails when it fails. */
export async function afterBoot(home: string, ...args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'hvb-'));
  const file = join(folder, 'boot');
  writeFileSync(file, '01234567-89ab-cdef-0123-456789abcdef\n');
  const boot = ['--dev-bind', '/', '/', '--ro-bind', file, '/proc/sys/kernel/random/boot_id'];
  const privileges = process.getuid?.() === 0 ? ['--cap-add', 'ALL'] : [];
  try {
    const words = ['bwrap', ...boot, ...privileges, process.execPath, commandLine, ...args];
    return await command(words, { env: environment(home) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function environment(home: string): NodeJS.ProcessEnv {
  return { ...process.env, HEYO_HOME: home, NODE_COMPILE_CACHE: join(home, '..', 'compiled') };
}
