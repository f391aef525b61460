// The JavaScript engine's collector of garbage, for programs that know better than it when there is some.

/** `minor`: what is young. `major`: everything. `thorough`: everything, and what can be made again with it. */
export type Collection = 'minor' | 'major' | 'thorough';

let known: ((kind: Collection) => void) | undefined;

export function collectGarbage(kind: Collection): void {
  known ??= findCollector();
  known(kind);
}

function findCollector(): (kind: Collection) => void {
  // Loaded with their first use, because that takes milliseconds of every start.
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc !== 'function') return () => {};
  return kind => {
    gc(kind === 'thorough' ? { type: 'major', execution: 'sync', flavor: 'last-resort' } : { type: kind });
  };
}
