// How the process of a guest is started: by this very Node, with nothing of this environment.
import { bundle, runnerProgram } from '../../platform/bundle.ts';
import { memoryFlags } from './plan.ts';

export function programOf(): string {
  return runnerProgram(bundle.folder, 'wasix');
}

export function guestArguments(memory: number | undefined): readonly [string, ...string[]] {
  return [
    '--disable-warning=ExperimentalWarning',
    '--max-old-space-size=256',
    ...memoryFlags(memory),
    programOf(),
  ];
}

/** Nothing but how this Node runs programs, and where it keeps the compiled form of them. */
export function nodeEnvironment(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE: compiled } = process.env;
  return {
    ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }),
    ...(process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
  };
}
