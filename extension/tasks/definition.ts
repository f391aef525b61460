// A task of the type `heyvm` as it stands in tasks.json: what a person may write, and what is run for it.
import { TASK_TYPE } from '../names.ts';

export type GuestTask = {
  /** A line for the shell inside, or a program and its arguments, which no shell reads. */
  readonly command: string | readonly string[];
  /** Id or name; that of the window when left out. */
  readonly sandbox: string | undefined;
  /** A folder inside; /workspace when left out. */
  readonly cwd: string | undefined;
};

/** As the manifest declares it. */
export const taskDefinition = {
  type: TASK_TYPE,
  required: ['command'],
  properties: {
    command: {
      type: ['string', 'array'],
      items: { type: 'string' },
      description:
        'What runs inside: a line for the shell there, or a list of a program and its arguments that no shell reads.',
    },
    sandbox: {
      type: 'string',
      description: 'The sandbox, by id or name. Left out: the sandbox of this window.',
    },
    cwd: { type: 'string', description: 'A folder inside. Left out: /workspace.' },
  },
} as const;

/** Undefined with a sentence when it cannot be run. */
export function readTask(
  definition: Readonly<Record<string, unknown>>,
): GuestTask | { readonly problem: string } {
  const { command, sandbox, cwd } = definition;
  const isLine = typeof command === 'string' && command.trim() !== '';
  const isProgram =
    Array.isArray(command) && command.length > 0 && command.every(word => typeof word === 'string');
  if (!isLine && !isProgram)
    return { problem: '"command" must be a line, or a list of a program and its arguments' };
  if (!isTextOrAbsent(sandbox)) return { problem: '"sandbox" must be the id or name of a sandbox' };
  if (!isTextOrAbsent(cwd) || (cwd !== undefined && !cwd.startsWith('/')))
    return { problem: '"cwd" must be an absolute folder inside' };
  return { command, sandbox, cwd };
}

/** The words of our command line that run it with the terminal of the task. */
export function wordsOf({ command, cwd }: GuestTask, sandbox: string): readonly string[] {
  const where = cwd === undefined ? [] : ['--cwd', cwd];
  const program = typeof command === 'string' ? ['sh', '-c', command] : command;
  return ['exec', '--tty', ...where, sandbox, '--', ...program];
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value !== '');
}
