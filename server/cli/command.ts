// What a command of the command line is: data from which parsing, help, completion and the docs follow.
import type { Call } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { Paths } from '../store/paths.ts';
import type { Interrupts } from './interrupts.ts';
import type { Output } from './output.ts';

type FlagBase = {
  /** The long form, without dashes. */
  readonly name: string;
  readonly short?: string;
  /** Other long forms that mean the same. */
  readonly aliases?: readonly string[];
  readonly summary: string;
};

export type Flag = FlagBase &
  (
    | { readonly kind: 'flag' }
    | { readonly kind: 'string'; readonly value: string; readonly complete?: Completer }
    | { readonly kind: 'list'; readonly value: string; readonly complete?: Completer }
    | {
        readonly kind: 'number';
        readonly value: string;
        readonly min: number;
        readonly whole: 'whole' | 'any';
      }
    | { readonly kind: 'duration' | 'size'; readonly value: string }
    | { readonly kind: 'choice'; readonly value: string; readonly choices: readonly string[] }
  );

/** What completion offers in a place. */
export type Completer =
  | 'sandbox'
  | 'branch'
  | 'file'
  | 'backend'
  | 'command'
  | 'image'
  | 'preset'
  | readonly string[];

export type Argument = {
  readonly name: string;
  readonly summary: string;
  /** `program`: this and everything after it is passed on untouched. */
  readonly presence: 'required' | 'optional' | 'many' | 'program';
  readonly complete?: Completer;
};

export type Example = { readonly command: string; readonly about: string };

export type Command = {
  /** One word, or two where several commands are about one thing: `images list`. */
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Paragraphs below the summary. */
  readonly details?: readonly string[];
  readonly arguments: readonly Argument[];
  readonly flags: readonly Flag[];
  readonly examples: readonly Example[];
  /** What `--format json` prints, as an example; absent where stdout belongs to the guest alone. */
  readonly json?: unknown;
  /** The exit code of every failure of ours, where the others belong to the guest. */
  readonly failureExit?: number;
  /** Not for people: neither in help nor in completion. */
  readonly hidden?: true;
  readonly load: () => Promise<{ readonly run: Handler }>;
};

/** Commands that help shows together. */
export type Group = { readonly title: string; readonly commands: readonly Command[] };

/** What was given, read by name; asking for a name that the command does not declare is a defect. */
export type Args = {
  flag(name: string): boolean;
  string(name: string): string | undefined;
  list(name: string): readonly string[];
  /** Also of durations (milliseconds) and sizes (bytes). */
  number(name: string): number | undefined;
  argument(name: string): string;
  optional(name: string): string | undefined;
  /** All values of an argument that may be repeated, or of a program. */
  rest(name: string): readonly string[];
};

export type Context = {
  readonly args: Args;
  readonly out: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly paths: Paths;
  readonly interrupts: Interrupts;
  /** The whole table, for help and completion. */
  readonly groups: readonly Group[];
  /** The service, loaded at the first call; progress and cancellation are wired up. */
  readonly call: Call<HelperContract, AbortSignal>;
};

/** Answers the exit code; nothing means 0. */
export type Handler = (context: Context) => Promise<number | undefined>;
