// Timing: medians of interleaved runs, so that whatever else the machine does meets all candidates alike.
import { spawn } from 'node:child_process';

export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: 'x' | 'ms' | 's' | '%' | 'MB/s' | 'MB' | 'kB' | 'per 10 s';
  /** What it is measured against, with its own figure. */
  readonly beside: string;
  /** What the project wants it to be. */
  readonly goal: string;
};

/** Milliseconds from start to end of a program whose output nobody reads. */
export async function timeOf(argv: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): Promise<number> {
  const [program = '', ...args] = argv;
  const begun = performance.now();
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'ignore', 'ignore'] });
    child.on('error', reject);
    child.on('exit', resolve);
  });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`);
  return performance.now() - begun;
}

/** The median of each candidate over rounds in which all of them run once; the first rounds only warm up. */
export async function race<Name extends string>(
  candidates: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
  warmUps = 2,
): Promise<Record<Name, number>> {
  const names = Object.keys(candidates) as Name[];
  const times = new Map<Name, number[]>(names.map(name => [name, []]));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const name of names) {
      const took = await candidates[name]();
      if (round >= 0) times.get(name)?.push(took);
    }
  }
  const medians = names.map(name => [name, median(times.get(name) ?? [])] as const);
  return Object.fromEntries(medians) as Record<Name, number>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}
