// Mounts as devcontainer.json has them: the text of Docker's --mount, or the same as an object.
import type { DevcontainerFile } from './file.ts';

type Said = NonNullable<DevcontainerFile['mounts']>[number];

export type BindMount = { readonly source: string; readonly target: string; readonly mode: 'ro' | 'rw' };

/** Folders and files of this machine; Docker shares them for writing unless it is told otherwise. */
export function bindMountOf(said: Said): BindMount | { readonly why: string } {
  const { type, source, target, readonly } = typeof said === 'string' ? parsed(said) : wordsOf(said);
  if (type !== undefined && type !== 'bind') {
    return {
      why: `a ${type} is of one engine; what programs write outside of /workspace stays in the sandbox`,
    };
  }
  if (type === undefined) return { why: 'without type=bind it is a volume, which is of one engine' };
  if (source === undefined || target === undefined) return { why: 'it has no source or no target' };
  if (!target.startsWith('/')) return { why: 'its target is no absolute path' };
  return { source, target, mode: readonly ? 'ro' : 'rw' };
}

type Words = {
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  readonly readonly: boolean;
};

function parsed(text: string): Words {
  const words = new Map(
    text.split(',').map(part => {
      const equals = part.indexOf('=');
      return equals === -1 ? [part.trim(), 'true'] : [part.slice(0, equals).trim(), part.slice(equals + 1)];
    }),
  );
  const either = (...names: string[]): string | undefined =>
    names.map(name => words.get(name)).find(value => value !== undefined);
  const readonly = either('readonly', 'ro');
  return {
    type: words.get('type'),
    source: either('source', 'src'),
    target: either('target', 'destination', 'dst'),
    readonly: readonly !== undefined && readonly !== 'false' && readonly !== '0',
  };
}

function wordsOf(said: Exclude<Said, string>): Words {
  const { type, source, target } = said;
  return { type, source, target, readonly: said['readonly'] === true };
}
