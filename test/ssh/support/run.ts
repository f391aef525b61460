// Runs a program to its end, with everything it said as bytes.
import { spawn } from 'node:child_process';

export type Outcome = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
};

export type RunOptions = {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
};

export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program = '', ...args] = argv;
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...options.env };
  const child = spawn(program, args, { env, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', chunk => stdout.push(chunk));
  child.stderr.on('data', chunk => stderr.push(chunk));
  // A program that ends without reading its input is what some tests are about.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

export async function hasProgram(name: string): Promise<boolean> {
  return (await run(['sh', '-c', `command -v ${name}`])).code === 0;
}
