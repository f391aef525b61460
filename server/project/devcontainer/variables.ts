// Fills in the variables of a devcontainer.json: where the project is on both sides, and variables of this machine.
import { posix } from 'node:path';
import { WORKSPACE } from '../../core/launch.ts';

/** What a file may learn of the machine that it is followed on. */
export type Machine = {
  /** The project's folder, absolute. */
  readonly folder: string;
  variable(name: string): string | undefined;
};

export type Filled =
  | { readonly ok: true; readonly text: string; readonly variables: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** Without a machine, nothing of it is filled in; `inside` are the variables that the file itself gives to the guest. */
export type Known = {
  readonly machine?: Machine | undefined;
  readonly inside: Readonly<Record<string, string>>;
};

/** In a program only its own places are filled in: the shell inside has variables of the same form. */
export function fillProgram(text: string): Filled {
  const filled = text.replaceAll(/\$\{containerWorkspaceFolder(Basename)?\}/g, (_, base?: string) =>
    base === undefined ? WORKSPACE : posix.basename(WORKSPACE),
  );
  const other = /\$\{(localEnv|env|containerEnv|localWorkspaceFolder(Basename)?)\b[^}]*\}/.exec(filled)?.[0];
  if (other !== undefined) return { ok: false, why: `${other} is not filled into programs` };
  return { ok: true, text: filled, variables: [] };
}

export function fill(text: string, { machine, inside }: Known): Filled {
  const variables: string[] = [];
  let why: string | undefined;
  const refuse = (reason: string): string => {
    why ??= reason;
    return '';
  };
  const filled = text.replace(/\$\{([^}]*)\}/g, (whole, said: string) => {
    const [name = '', key = '', ...rest] = said.split(':');
    const otherwise = rest.length === 0 ? undefined : rest.join(':');
    switch (name) {
      case 'containerWorkspaceFolder':
        return WORKSPACE;
      case 'containerWorkspaceFolderBasename':
        return posix.basename(WORKSPACE);
      case 'localWorkspaceFolder':
        return machine?.folder ?? refuse(`${whole} is another folder on every machine`);
      case 'localWorkspaceFolderBasename':
        return machine === undefined
          ? refuse(`${whole} is another folder on every machine`)
          : posix.basename(machine.folder);
      case 'containerEnv':
        return inside[key] ?? otherwise ?? refuse(`what ${whole} is inside is not known before it runs`);
      case 'env':
      case 'localEnv': {
        if (machine === undefined) return refuse(`${whole} is a variable of one machine`);
        const value = machine.variable(key);
        if (value !== undefined) variables.push(key);
        return value ?? otherwise ?? '';
      }
      default:
        return refuse(`heyvm does not know ${whole}`);
    }
  });
  return why === undefined ? { ok: true, text: filled, variables } : { ok: false, why };
}
