// Tells of what is broken in the store and did not stop the command.
import type { Problem } from '../protocol/doctor.ts';
import type { Output } from './output.ts';

export function warnOfProblems(out: Output, problems: readonly Problem[]): void {
  for (const { path, message, hint } of problems) {
    out.warn(`${path}: ${message}${hint === undefined ? '' : `; ${hint}`}`);
  }
}
