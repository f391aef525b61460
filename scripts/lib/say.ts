// How scripts talk: short lines on stderr, and one clear sentence when they give up.

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A reason to stop that needs no stack: what is wrong, and what mends it. */
export class Stop extends Error {
  readonly fix: string | undefined;

  constructor(message: string, fix?: string) {
    super(message);
    this.name = 'Stop';
    this.fix = fix;
  }
}

/** Runs a script's main function and turns its end into an exit status. */
export async function main(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    process.exitCode = 1;
    if (error instanceof Stop) {
      say(`heyvm: ${error.message}`);
      if (error.fix !== undefined) say(`  ${error.fix}`);
    } else {
      say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
}
