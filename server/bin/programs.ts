// Which commands run from a program with little more than what they need, because reading a program is most of what a
// short command costs. Every other command runs from the whole one.

export const parts = {
  /** They look at sandboxes and use them. */
  brief: ['exec', 'get', 'list'],
  /** They make sandboxes and end them. */
  making: ['create', 'restart', 'rm', 'run', 'start', 'stop'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Each of these has a compiled form of its own besides; all others share one. */
export const frequent = ['sh', 'ssh-proxy', 'wt'];

/** The owner that these will need loads its program while they load theirs. */
export const makers = ['create', 'restart', 'run', 'start', 'wt'];

export type Start = {
  /** The name of the program's file. */
  readonly program: string;
  /** The name of its compiled form. */
  readonly form: string;
  readonly owner: boolean;
};

export function startOf(command: string | undefined): Start {
  const [part] = Object.entries(parts).find(([, names]) => names.some(name => name === command)) ?? [];
  const known = part !== undefined || frequent.some(name => name === command);
  return {
    program: `${part ?? 'cli'}.cjs`,
    form: known && command !== undefined ? command : 'other',
    owner: makers.some(name => name === command),
  };
}
