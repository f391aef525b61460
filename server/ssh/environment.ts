// Which variables of an ssh client reach a guest: a `SendEnv` in somebody's `Host *` must not hand secrets in.

const accepted: readonly RegExp[] = [/^LANG$/, /^LC_[A-Z]+$/, /^TERM$/, /^COLORTERM$/, /^VSCODE_[A-Z0-9_]+$/];

const LONGEST_VALUE = 4096;

export function acceptsVariable(name: string, value: string): boolean {
  return value.length <= LONGEST_VALUE && accepted.some(pattern => pattern.test(name));
}
