// The areas of the tests: which files belong to each, and what must be installed for them.
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import type { Need } from './apt.ts';
import { cargo } from './cargoBuild.ts';
import { root } from './places.ts';

export type Area = {
  readonly name: string;
  /** Patterns of mocha test files. */
  readonly files: readonly string[];
  /** How the files are run: by mocha, or by a script of their own that writes the same report. */
  readonly by: 'mocha' | 'vscode' | 'cargo' | 'check';
  readonly needs?: readonly Need[];
};

const git = { program: 'git', packages: ['git'], why: 'worktrees' };
const bwrap = { program: 'bwrap', packages: ['bubblewrap'], why: 'the sandboxes of this machine' };
const ssh = { program: 'ssh', packages: ['openssh-client'], why: 'to connect to sandboxes' };
const rsync = { program: 'rsync', packages: ['rsync'], why: 'to copy into sandboxes' };
const sshd = { program: 'sshd', packages: ['openssh-server'], why: 'to compare with' };
const vim = { program: 'vim.tiny', packages: ['vim-tiny'], why: 'to try a full-screen program' };
const chromium = { program: 'chromium', packages: ['chromium'], why: 'to look at VS Code' };

/** In the order in which they run: the fast and the basic first. */
export const areas: readonly Area[] = [
  { name: 'check', files: [], by: 'check' },
  mocha('wire', []),
  {
    name: 'guest',
    files: [],
    by: 'cargo',
    needs: [cargo],
  },
  mocha('store', []),
  mocha('contract', [bwrap]),
  mocha('isolation', [bwrap]),
  mocha('process', [bwrap, git]),
  mocha('worktrees', [bwrap, git]),
  mocha('cli', [bwrap, git]),
  mocha('ssh', [bwrap, git, ssh, sshd, rsync, vim]),
  mocha('crash', [bwrap, git]),
  mocha('package', [bwrap, git]),
  { name: 'vscode', files: ['test/vscode/index.ts'], by: 'vscode', needs: [bwrap, git, ssh, chromium] },
  mocha('ui', [bwrap, git, ssh, chromium]),
  mocha('handoff', [bwrap, git, ssh, chromium]),
];

/** What runs as part of `check`: everything that needs no sandbox and no program of the system. */
export const unitFiles = ['server/**/*.test.ts', 'extension/**/*.test.ts', 'test/protocol/**/*.test.ts'];

export function filesOf(patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: root })
    .filter(path => !path.includes('node_modules') && existsSync(join(root, path)))
    .sort();
}

function mocha(name: string, needs: readonly Need[]): Area {
  return { name, files: [`test/${name}/**/*.test.ts`], by: 'mocha', needs };
}
