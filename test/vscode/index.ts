// What the extension host runs: the suites, in an order in which the first still sees an extension that did nothing.
import { runInHost } from '../support/runInHost.ts';

export function run(): Promise<void> {
  return runInHost(async () => {
    await import('./suites/activation.test.ts');
    await import('./suites/commands.test.ts');
    await import('./suites/openBranch.test.ts');
    await import('./suites/tree.test.ts');
    await import('./suites/manySandboxes.test.ts');
    await import('./suites/inside.test.ts');
    await import('./suites/life.test.ts');
    await import('./suites/terminal.test.ts');
    await import('./suites/tasks.test.ts');
    await import('./suites/handOff.test.ts');
    await import('./suites/files.test.ts');
    await import('./suites/review.test.ts');
    await import('./suites/agents.test.ts');
    await import('./suites/ourFiles.test.ts');
    await import('./suites/doctor.test.ts');
    await import('./suites/supervision.test.ts');
  });
}
