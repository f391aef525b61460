// The program of a guest and the flags of the Node that runs it; data only.

/** A limit of memory is one of each program; the runtime itself has it as well. */
export function runnerFor(memory: number | undefined): {
  readonly name: string;
  readonly flags: readonly string[];
} {
  return {
    name: 'wasix',
    flags: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=256', ...memoryFlags(memory)],
  };
}

export function memoryFlags(memory: number | undefined): readonly string[] {
  if (memory === undefined) return [];
  const pages = Math.max(LEAST_PAGES, Math.floor(memory / PAGE));
  return [`--wasm-max-mem-pages=${Math.min(pages, MOST_PAGES)}`];
}

const PAGE = 64 * 1024;
const MOST_PAGES = 65_536;
/** The runtime does not start with less. */
const LEAST_PAGES = 512;
