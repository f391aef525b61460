// How variables of a launch reach the program inside: by the environment of what starts it, where everybody's list of
// processes does not show them; what would change how that itself runs goes by its arguments.

const NOTICED =
  /^(PATH|HOME|SHELL|TERM|TMPDIR|LANG|LC_\w+|(NODE|ELECTRON|VSCODE|HEYVM|HEYO|LD|DYLD|XDG)_\w+)$/;

export type HandedOver = {
  /** Flags of `heyvm exec`. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

export function handedOver(variables: Readonly<Record<string, string>>): HandedOver {
  const all = Object.entries(variables);
  return {
    words: all.flatMap(([name, value]) => ['--env', NOTICED.test(name) ? `${name}=${value}` : name]),
    env: Object.fromEntries(all.filter(([name]) => !NOTICED.test(name))),
  };
}
