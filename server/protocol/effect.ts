// What a tool for agents does to the world.

/** `reads` changes nothing, `changes` can be taken back, `destroys` cannot. */
export const effects = ['reads', 'changes', 'destroys'] as const;
export type Effect = (typeof effects)[number];
