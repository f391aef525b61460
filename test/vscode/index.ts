// What the extension host runs: the suites, in an order in which the first still sees an extension that did nothing.
import { runInHost } from '../support/runInHost.ts';

const suites = {
  activation: () => import('./suites/activation.test.ts'),
  commands: () => import('./suites/commands.test.ts'),
  openBranch: () => import('./suites/openBranch.test.ts'),
  tree: () => import('./suites/tree.test.ts'),
  manySandboxes: () => import('./suites/manySandboxes.test.ts'),
  inside: () => import('./suites/inside.test.ts'),
  life: () => import('./suites/life.test.ts'),
  terminal: () => import('./suites/terminal.test.ts'),
  tasks: () => import('./suites/tasks.test.ts'),
  handOff: () => import('./suites/handOff.test.ts'),
  files: () => import('./suites/files.test.ts'),
  review: () => import('./suites/review.test.ts'),
  copies: () => import('./suites/copies.test.ts'),
  agents: () => import('./suites/agents.test.ts'),
  ourFiles: () => import('./suites/ourFiles.test.ts'),
  configureAgent: () => import('./suites/configureAgent.test.ts'),
  doctor: () => import('./suites/doctor.test.ts'),
  supervision: () => import('./suites/supervision.test.ts'),
};

export function run(): Promise<void> {
  const only = process.env['HEYVM_TEST_SUITES']?.split(',');
  return runInHost(async () => {
    for (const [name, load] of Object.entries(suites)) if (only?.includes(name) ?? true) await load();
  });
}
