// The module of the tests where it is needed as a file, and the reason where it cannot be had.
import { existsSync } from 'node:fs';
import { Stop } from '../../../scripts/lib/say.ts';
import { ensureBox } from '../../../scripts/lib/wasmBox.ts';
import { bundle, runnerProgram } from '../../../server/platform/bundle.ts';

/** Skips the whole suite, saying why, where it cannot run. */
export async function skipWithoutBox(context: Mocha.Context): Promise<void> {
  const why = await whyNot();
  if (why === undefined) return;
  console.log(`not run: ${why}`);
  context.skip();
}

export function boxFile(): Promise<string> {
  return ensureBox('-DWASIX');
}

async function whyNot(): Promise<string | undefined> {
  const program = runnerProgram(bundle.folder, 'wasix');
  if (!existsSync(program)) return `${program} is not built`;
  try {
    await boxFile();
    return undefined;
  } catch (error) {
    if (error instanceof Stop) return error.message;
    throw error;
  }
}
