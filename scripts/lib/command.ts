// Runs programs for the scripts: to their end, with their output shown or kept.
import { type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Stop } from './say.ts';

export type CommandOptions = {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** `keep` gives the output back, `show` lets it through to stderr, `both` does both. */
  readonly output?: 'keep' | 'show' | 'both';
};

export type CommandResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Whatever the exit status is, it is an answer; a program that cannot be started is not. */
export async function attempt(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  const output = options.output ?? 'keep';
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: stdioOf(options.input, output),
  });
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => {
      kept[name].push(chunk);
      if (output === 'both') process.stderr.write(chunk);
    });
  }
  child.stdin?.on('error', () => {}); // A program may end without reading its input.
  child.stdin?.end(options.input);
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', cause => reject(new Stop(`cannot start ${program}: ${cause.message}`)));
    child.on('close', (status, signal) => resolve(status ?? (signal === null ? 1 : 128)));
  });
  return {
    code,
    stdout: Buffer.concat(kept.stdout).toString(),
    stderr: Buffer.concat(kept.stderr).toString(),
  };
}

/** Like attempt, but anything but success stops the script. */
export async function command(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const done = await attempt(argv, options);
  if (done.code === 0) return done.stdout;
  const said = (done.stderr || done.stdout).trim().split('\n').slice(-15).join('\n');
  throw new Stop(`${argv.join(' ')} ended with status ${done.code}${said === '' ? '' : `\n${said}`}`);
}

/** The full path of a program in PATH or where Debian keeps those of administrators. */
export function which(program: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder; the next one may have it.
    }
  }
  return undefined;
}

function stdioOf(input: string | undefined, output: 'keep' | 'show' | 'both'): SpawnOptions['stdio'] {
  const stream = output === 'show' ? 2 : 'pipe';
  return [input === undefined ? 'ignore' : 'pipe', stream, stream];
}
