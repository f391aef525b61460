// What the lines of a sandbox's log are: who said them, and how bad they are.

export const sources = ['owner', 'console', 'command'] as const;
/** The owner itself, the console of the guest, and the command of the project. */
export type Source = (typeof sources)[number];
export type Level = 'info' | 'warn' | 'error';

export type Line = {
  readonly source: Source;
  readonly level: Level;
  /** Its time included, because a channel would show when it was read. */
  readonly text: string;
};

const failures = /^(defect\b|failed to|lost the guest|the guest ended|command ended: (?!exit code 0\b))/;
const doubts = /\b(cannot|could not|is not published|attaching without|left to the next command)\b/;

/** Undefined for what is no line of a log. */
export function lineOf(raw: string): Line | undefined {
  const [, at, rest] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/s.exec(raw) ?? [];
  if (at === undefined || rest === undefined) return undefined;
  if (rest.startsWith('guest: ')) return { source: 'console', level: 'info', text: `${at} ${rest.slice(7)}` };
  if (rest.startsWith('| ')) return { source: 'command', level: 'info', text: `${at} ${rest.slice(2)}` };
  const level = failures.test(rest) ? 'error' : doubts.test(rest) ? 'warn' : 'info';
  return { source: 'owner', level, text: `${at} ${rest}` };
}

/** Those after the last one that was seen; all of them when that one is not there any more. */
export function unseen(lines: readonly string[], last: string | undefined): readonly string[] {
  return last === undefined ? lines : lines.slice(lines.lastIndexOf(last) + 1);
}
