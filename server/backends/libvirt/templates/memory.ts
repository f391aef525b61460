// The memory of a machine as QEMU is told of it: its own, a file that becomes a template, or a copy of that file.

export type Memory =
  /** Of this machine alone. */
  | { readonly kind: 'own' }
  /** What the machine writes lands in the file. */
  | { readonly kind: 'template'; readonly file: string }
  /** Begins as the file, which is never written: what differs is the machine's own. */
  | { readonly kind: 'clone'; readonly file: string };

/**
 * For every machine, because a saved moment names its memory, and only a machine with memory of that name can go on
 * from it. The memory that libvirt asks for besides is never touched, so that it takes nothing.
 */
export function memoryArguments(memory: Memory, memoryMiB: number): readonly string[] {
  const backend = memory.kind === 'own' ? 'memory-backend-ram' : 'memory-backend-file';
  const words = [backend, `id=${NAME}`, `size=${memoryMiB}M`];
  if (memory.kind !== 'own') {
    words.push(`mem-path=${escaped(memory.file)}`, `share=${memory.kind === 'template' ? 'on' : 'off'}`);
  }
  return ['-object', words.join(','), '-machine', `memory-backend=${NAME}`];
}

/** A machine that waits for a moment to go on from, instead of booting. */
export const waitingArguments: readonly string[] = ['-incoming', 'defer'];

const NAME = 'heyvmram';

/** QEMU takes two commas for one that separates nothing. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,');
}
