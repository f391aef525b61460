// Finds out whether components run here, by starting the process in which they would, and what else could run them.
import type { MachineContext } from '../../core/backend.ts';
import type { Availability, Capabilities } from '../../protocol/backend.ts';
import { findWasmtime, missingProgram, readHost } from './host.ts';
import { parseOptions } from './options.ts';
import { watched } from './plan.ts';
import { isNewEnough, OLDEST } from './wasmtime.ts';

export async function probe(context: MachineContext, ceiling: Capabilities): Promise<Availability> {
  const missing = missingProgram();
  if (missing !== undefined) {
    return {
      kind: 'missing',
      what: `${missing} is missing`,
      fix: 'install heyvm again, or build it with: npm run build',
    };
  }
  const [node, wasmtime] = await Promise.all([versionOfNode(context), versionOfWasmtime(context)]);
  if (node === undefined)
    return { kind: 'missing', what: 'Node does not start', fix: 'set HEYVM_NODE to one that does' };
  const { runtime = 'node' } = parseOptions(context.options);
  if (runtime === 'wasmtime') {
    if (wasmtime === undefined || !isNewEnough(wasmtime)) {
      return {
        kind: 'missing',
        what: `wasmtime ${wasmtime ?? ''} ${wasmtime === undefined ? 'is not installed' : `is older than ${OLDEST}`}`,
        fix: 'install it from wasmtime.dev, or leave backends.wasip2.runtime out',
      };
    }
    return { kind: 'ready', version: `wasmtime ${wasmtime}`, capabilities: ceiling, notes: notesOfWasmtime };
  }
  return {
    kind: 'ready',
    version: `jco 0.15.0 in Node ${node}`,
    capabilities: ceiling,
    notes: [
      'a memory limit holds for each memory of a program; it cannot be made to compute less',
      ...(wasmtime === undefined
        ? []
        : [`wasmtime ${wasmtime} is here too: backends.wasip2.runtime chooses it`]),
    ],
  };
}

const notesOfWasmtime = [
  'it cannot show folders read-only, nor one inside another, nor pass on variables unseen',
  'it tells exact codes of core modules, and of components 0 or 1 unless they use exit-with-code',
  'servers are run by Node alone',
];

async function versionOfNode({ run, signal, agent }: MachineContext): Promise<string | undefined> {
  const host = readHost(agent);
  const argv = watched(host, [
    host.node,
    '-p',
    'new WebAssembly.Memory({ initial: 1 }) && process.versions.node',
  ]);
  return said(run(argv, { signal, timeoutMs: 10_000, accept: 'any', env: host.env }));
}

async function versionOfWasmtime({ run, signal }: MachineContext): Promise<string | undefined> {
  const program = findWasmtime();
  if (program === undefined) return undefined;
  const words = await said(
    run([program, '--version'], { signal, timeoutMs: 10_000, accept: 'any', env: {} }),
  );
  return /^wasmtime (\d+[\d.]*)/.exec(words ?? '')?.[1];
}

async function said(
  running: Promise<{ readonly code: number; readonly stdout: string }>,
): Promise<string | undefined> {
  try {
    const { code, stdout } = await running;
    return code === 0 ? stdout.trim() : undefined;
  } catch {
    // One that cannot be started says nothing.
    return undefined;
  }
}
