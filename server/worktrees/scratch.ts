// A throwaway repository over a tree that a guest wrote: git works on the files and believes nothing else it finds there.
//
// It borrows the objects of the real repository, has an index of its own and no refs. Its `info/attributes` comes
// before every `.gitattributes`, so no filter is ever chosen, and the `.git` of the tree is never read. Objects that
// git makes on the way stay in the scratch folder, so that looking at a worktree changes nothing.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../core/ports.ts';
import { readRegular } from './gitFolder.ts';
import { type GitOptions, type Host, hostGit, hostGitLine, hostGitMaybe } from './hostGit.ts';
import type { Repository } from './repository.ts';

export type Scratch = {
  readonly folder: string;
  readonly git: (args: readonly string[], options?: GitOptions) => Promise<RunResult>;
};

/** A tree is read within this time, or something in it keeps git waiting. */
const DEADLINE_MS = 120_000;

export async function withScratch<T>(
  host: Host,
  { repository, worktree }: { readonly repository: Repository; readonly worktree: string },
  use: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'heyvm-git-'));
  try {
    await furnish(host, repository, folder);
    const env = {
      GIT_DIR: folder,
      GIT_WORK_TREE: worktree,
      GIT_INDEX_FILE: join(folder, 'index'),
    };
    return await use({
      folder,
      git: (args, options = {}) =>
        hostGit(host, args, {
          cwd: worktree,
          timeoutMs: DEADLINE_MS,
          ...options,
          env: { ...env, ...options.env },
        }),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Fills the index with the files of a commit; gitlinks stay out when nothing may look behind them. */
export async function readCommit(
  scratch: Scratch,
  commit: string,
  gitlinks: 'keep' | 'leave out',
): Promise<void> {
  if (gitlinks === 'keep') {
    await scratch.git(['read-tree', commit]);
    return;
  }
  const { stdout } = await scratch.git(['ls-tree', '-r', '--full-tree', commit]);
  const files = stdout.split('\n').filter(line => line !== '' && !line.startsWith('160000 '));
  // Odd names are quoted by one command and unquoted by the other, so every byte of them survives.
  await scratch.git(['update-index', '--index-info'], { input: files.map(line => `${line}\n`).join('') });
}

async function furnish(host: Host, { commonDir }: Repository, folder: string): Promise<void> {
  const asked = { gitDir: commonDir, cwd: commonDir };
  const [format, partial, exclude] = await Promise.all([
    hostGitLine(host, ['rev-parse', '--show-object-format'], asked),
    hostGitMaybe(host, ['config', '--get', 'extensions.partialClone'], asked),
    readRegular(join(commonDir, 'info', 'exclude'), 1024 * 1024),
  ]);
  const lines = [
    '[include]',
    `\tpath = ${quote(join(commonDir, 'config'))}`,
    '[core]',
    '\trepositoryformatversion = 1',
    '\tbare = false',
    '\tsparseCheckout = false',
    '[extensions]',
    ...(format === 'sha1' ? [] : [`\tobjectFormat = ${quote(format)}`]),
    ...(partial === undefined ? [] : [`\tpartialClone = ${quote(partial)}`]),
    '',
  ];
  for (const part of ['objects/info', 'refs', 'info']) await mkdir(join(folder, part), { recursive: true });
  await Promise.all([
    writeFile(join(folder, 'HEAD'), 'ref: refs/heads/scratch\n'),
    writeFile(join(folder, 'config'), lines.join('\n')),
    writeFile(join(folder, 'objects/info/alternates'), `${quotedLine(join(commonDir, 'objects'))}\n`),
    writeFile(join(folder, 'info/attributes'), '* -filter\n'),
    writeFile(join(folder, 'info/exclude'), exclude ?? ''),
  ]);
}

function quote(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"`;
}

/** Alternates take a line as it is, unless it begins with a quote. */
function quotedLine(path: string): string {
  return /["\n]/.test(path) ? quote(path) : path;
}
