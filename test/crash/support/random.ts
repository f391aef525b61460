// Random moments that can be had again: a seed that is printed and can be given.

export type Random = { readonly seed: number; below(limit: number): number; pick<T>(from: readonly T[]): T };

/** Mulberry32, from HEYVM_SEED or from the clock. */
export function newRandom(): Random {
  const seed = Number(process.env['HEYVM_SEED'] ?? Date.now() % 2 ** 31);
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    seed,
    below: limit => Math.floor(next() * limit),
    pick: from => from[Math.floor(next() * from.length)] as (typeof from)[number],
  };
}
