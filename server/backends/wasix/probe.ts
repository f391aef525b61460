// Finds out by running it whether the runtime starts on this machine's Node.
import { existsSync } from 'node:fs';
import type { MachineContext } from '../../core/backend.ts';
import { toSandboxError } from '../../core/errors.ts';
import { runnerEnvironment, wordsOf } from '../../platform/ahead.ts';
import { bundle, runnerProgram } from '../../platform/bundle.ts';
import type { Availability, Capabilities } from '../../protocol/backend.ts';
import { runnerFor } from './runner.ts';

export async function probe(
  { run, signal }: MachineContext,
  capabilities: Capabilities,
): Promise<Availability> {
  signal.throwIfAborted();
  const runner = runnerFor(undefined);
  const program = runnerProgram(bundle.folder, runner.name);
  if (!existsSync(program)) {
    return {
      kind: 'missing',
      what: `${program} is not there`,
      fix: 'install heyvm again, or: npm run build',
    };
  }
  try {
    const { stdout } = await run([...wordsOf(runner), '--probe'], {
      env: runnerEnvironment(),
      signal,
      timeoutMs: 15_000,
    });
    return { kind: 'ready', version: stdout.trim(), capabilities, notes: [] };
  } catch (error) {
    signal.throwIfAborted();
    const { message } = toSandboxError(error);
    return { kind: 'missing', what: `the runtime does not start: ${message}`, fix: 'use Node 22 or newer' };
  }
}
