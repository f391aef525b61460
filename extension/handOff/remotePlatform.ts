// What the editor is told about the system of sandboxes, so that it does not ask for each of them; pure.

/** The extension of VS Code itself takes names with a star; of the others nobody says so. */
const WITH_WILDCARDS = 'ms-vscode-remote.remote-ssh';
const EVERY_SANDBOX = 'heyvm-*';

/** `platforms` is the person's own `remote.SSH.remotePlatform`. */
export function knowsPlatform(platforms: Readonly<Record<string, unknown>>, alias: string): boolean {
  return platforms[alias] === 'linux' || platforms[EVERY_SANDBOX] === 'linux';
}

/** The setting with one entry for all sandboxes where the extension understands it, else with one for this. */
export function withPlatform(
  platforms: Readonly<Record<string, unknown>>,
  { alias, extension }: { readonly alias: string; readonly extension: string | undefined },
): Record<string, unknown> {
  if (extension !== WITH_WILDCARDS) return { ...platforms, [alias]: 'linux' };
  const others = Object.entries(platforms).filter(([name, value]) => !(isOurs(name) && value === 'linux'));
  return { ...Object.fromEntries(others), [EVERY_SANDBOX]: 'linux' };
}

/** From before there was one for all. */
function isOurs(name: string): boolean {
  return name.startsWith('heyvm-');
}
