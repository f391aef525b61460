// Finds Python and Node on the host: in its system, or where the person's own PATH has them.
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Run } from '../../core/ports.ts';
import type { Runtime } from '../../protocol/backend.ts';
import type { RuntimeFolder } from './plan.ts';
import { isExecutable } from './system.ts';

export type RuntimePlace =
  /** Guests have it anyway. */
  { readonly kind: 'system' } | ({ readonly kind: 'folder' } & RuntimeFolder) | { readonly kind: 'absent' };

export async function findRuntime(runtime: Runtime, run: Run, signal: AbortSignal): Promise<RuntimePlace> {
  if (runtime === 'shell') return isExecutable('/bin/sh') ? { kind: 'system' } : { kind: 'absent' };
  if (runtime === 'wasm') return { kind: 'absent' };
  const { program, ask } = questions[runtime];
  if (['/usr/bin', '/usr/local/bin', '/bin'].some(folder => isExecutable(`${folder}/${program}`)))
    return { kind: 'system' };
  const prefix = await askedPrefix(ask, run, signal);
  if (prefix === undefined || !isExecutable(`${prefix}/bin/${program}`)) return { kind: 'absent' };
  return { kind: 'folder', name: runtime, prefix };
}

/** Version managers put scripts into PATH, so that only the program itself knows where it is installed. */
const questions = {
  python: { program: 'python3', ask: ['python3', '-c', 'import sys; print(sys.base_prefix)'] },
  node: {
    program: 'node',
    ask: ['node', '-p', 'require("path").dirname(require("path").dirname(process.execPath))'],
  },
} as const;

async function askedPrefix(
  ask: readonly [string, ...string[]],
  run: Run,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { code, stdout } = await run(ask, { signal, timeoutMs: 5_000, accept: 'any' });
    const prefix = stdout.trim();
    if (code !== 0 || !prefix.startsWith('/')) return undefined;
    const real = realpathSync(prefix);
    // Showing a whole top folder or a home would be more than a runtime.
    return dirname(dirname(real)) === '/' ? undefined : real;
  } catch {
    // The program is not in PATH, or does not run; either way there is no runtime.
    signal.throwIfAborted();
    return undefined;
  }
}
