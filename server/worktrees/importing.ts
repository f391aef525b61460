// Brings the commits of a private git folder to the host, as refs below `refs/heyvm/<sandbox id>`.
//
// Objects arrive in a folder apart, where git checks each of them and that nothing is missing; only then do they join
// the repository, and the refs, whose names are ours, are set in one step. What is refused leaves nothing behind.
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import { identify } from '../platform/process.ts';
import { removeTree } from '../platform/removeTree.ts';
import { roomIn } from '../platform/room.ts';
import type { SandboxId } from '../protocol/sandbox.ts';
import type { ImportedRef, ImportResult } from '../protocol/worktree.ts';
import { type Host, hostGit, hostGitMaybe } from './hostGit.ts';
import type { Repository } from './repository.ts';
import type { Target } from './status.ts';
import { beginningOf, type Tip, type Tips, tipsInside } from './tips.ts';
import { askGuest, GUEST, type Server, withApart } from './uploadPack.ts';

const IMPORT_LIMIT = 4 * 1024 * 1024 * 1024;
const IMPORT_MS = 15 * 60_000;
/** Over the whole life of a sandbox. */
const MOST_REFS = 2_000;

export type Importing = { readonly target: Target; readonly server: Server; readonly sandbox: SandboxId };

export type Brought = { readonly result: ImportResult; readonly tips: Tips };

/** The caller holds the lock of the repository. */
export async function importCommits(host: Host, { target, server, sandbox }: Importing): Promise<Brought> {
  const { repository, own } = target;
  const [found, beginning, known] = await Promise.all([
    tipsInside(host, server),
    beginningOf(own),
    importedRefs(host, repository, sandbox),
  ]);
  const changed = found.tips.filter(({ name, commit }) => {
    const had = known.get(name);
    return had === undefined ? beginning.get(name) !== commit : had !== commit;
  });
  if (changed.length > 0) {
    refuseMany({ known, changed, sandbox });
    await fetchObjects(host, { target, server, sandbox }, changed);
    await setRefs(host, repository, { sandbox, changed, known });
  }
  const refs = await Promise.all(
    changed.map(tip => described(host, repository, { tip, sandbox, had: known.get(tip.name) })),
  );
  return { result: { sandbox, refs, ignored: [...found.odd] }, tips: found };
}

/** Refs of names that are gone inside stay, so that a guest could make them without end. */
function refuseMany({ known, changed, sandbox }: Setting): void {
  const all = new Set([...known.keys(), ...changed.map(({ name }) => name)]);
  if (all.size <= MOST_REFS) return;
  fail('worktree-conflict', `more than ${MOST_REFS} refs would have come from this sandbox`, {
    hint: `delete those that nobody needs: git for-each-ref --format='delete %(refname)' refs/heyvm/${sandbox} | git update-ref --stdin`,
  });
}

/** Where something of a guest stands on the host. */
export function importedName(sandbox: SandboxId, name: string): string {
  return `refs/heyvm/${sandbox}/${name.replace(/^refs\//, '')}`;
}

/** What was imported of a sandbox, by its name inside. */
export async function importedRefs(
  host: Host,
  repository: Repository,
  sandbox: SandboxId,
): Promise<ReadonlyMap<string, string>> {
  const base = `refs/heyvm/${sandbox}/`;
  const { stdout } = await hostGit(
    host,
    ['for-each-ref', '--format=%(objectname) %(refname)', base],
    at(repository),
  );
  return new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const [, commit = '', rest = ''] = /^([0-9a-f]+) refs\/heyvm\/[^/]+\/(.+)$/.exec(line) ?? [];
      if (commit === '') return [];
      return [[/^(heads|tags|notes)\//.test(rest) ? `refs/${rest}` : rest, commit]];
    }),
  );
}

function at({ commonDir, root }: Repository): { gitDir: string; cwd: string } {
  return { gitDir: commonDir, cwd: root };
}

/** Each by its digest, so that what is checked is what was listed. */
async function fetchObjects(
  host: Host,
  { target, server }: Importing,
  wanted: readonly Tip[],
): Promise<void> {
  const { repository } = target;
  const input = [...new Set(wanted.map(({ commit }) => commit))].map(commit => `${commit}\n`).join('');
  const folder = join(repository.commonDir, 'heyvm');
  await mkdir(folder, { recursive: true });
  await clearIncoming(folder);
  const apart = await mkdtemp(join(folder, `${INCOMING}${process.pid}-`));
  try {
    await askGuest(host, server, {
      args: [
        'fetch',
        ...[
          '--quiet',
          '--no-tags',
          '--no-recurse-submodules',
          '--no-write-fetch-head',
          '--no-auto-maintenance',
        ],
        ...['--refmap=', '--stdin', GUEST],
      ],
      input,
      objects: apart,
      limit: Math.min(IMPORT_LIMIT, (await roomIn(folder, 'what git inside has')).bytes),
      timeoutMs: IMPORT_MS,
    });
    await requireWhole(host, repository, { apart, input });
    await takeOver(apart, join(repository.commonDir, 'objects'));
  } finally {
    await rm(apart, { recursive: true, force: true });
  }
}

const INCOMING = 'incoming-';

/** Of imports that were killed: each can be as large as an import may be. Another store has locks of its own. */
async function clearIncoming(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^incoming-([0-9]+)-/.exec(name)?.[1];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    await removeTree(join(folder, name));
  }
}

/**
 * Everything that is reached from there is there. A guest can say of any commit that its history ends with it, and
 * git would merely warn of that where it sets no refs itself.
 */
async function requireWhole(
  host: Host,
  repository: Repository,
  { apart, input }: { readonly apart: string; readonly input: string },
): Promise<void> {
  const partial = await hostGitMaybe(host, ['config', '--get', 'extensions.partialClone'], at(repository));
  const promised = partial === undefined ? [] : ['--exclude-promisor-objects'];
  const args = ['rev-list', '--objects', '--quiet', ...promised, '--stdin', '--not', '--all'];
  const env = { ...withApart(apart, repository), GIT_NO_LAZY_FETCH: '1' };
  const options = { ...at(repository), input, env, timeoutMs: IMPORT_MS, accept: 'any' } as const;
  const { code, stderr } = await hostGit(host, args, options);
  if (code === 0) return;
  const told = stderr.trim().split('\n')[0] ?? '';
  fail('guest-failed', `what git inside sent was refused, because parts of it are missing: ${told}`, {
    hint: 'git fsck inside the sandbox shows what is missing; heyvm exec runs it',
  });
}

/** A pack exists for git with its index, which therefore comes last. */
async function takeOver(apart: string, objects: string): Promise<void> {
  const names = await readdir(join(apart, 'pack')).catch(() => []);
  const packs = names.filter(name => /^pack-[0-9a-f]{40,64}\.(pack|rev|idx)$/.test(name));
  await mkdir(join(objects, 'pack'), { recursive: true });
  for (const ending of ['.pack', '.rev', '.idx']) {
    for (const name of packs.filter(each => each.endsWith(ending)))
      await move(join(apart, 'pack', name), join(objects, 'pack', name));
  }
}

async function move(source: string, target: string): Promise<void> {
  try {
    await rename(source, target);
  } catch (error) {
    if (errorCodeOf(error) !== 'EXDEV') throw error;
    await copyFile(source, target);
  }
}

type Setting = {
  readonly sandbox: SandboxId;
  readonly changed: readonly Tip[];
  readonly known: ReadonlyMap<string, string>;
};

/** All or none. Refs of one name that is the folder of another cannot both exist. */
async function setRefs(host: Host, repository: Repository, { sandbox, changed }: Setting): Promise<void> {
  const input = changed
    .map(({ name, commit }) => `update ${importedName(sandbox, name)}\0${commit}\0\0`)
    .join('');
  const args = ['-c', 'core.logAllRefUpdates=always', 'update-ref', '-m', 'heyvm: import', '--stdin', '-z'];
  const done = await hostGit(host, args, { ...at(repository), input, accept: 'any' });
  if (done.code === 0) return;
  const told = done.stderr.trim().split('\n')[0] ?? '';
  fail('worktree-conflict', `git cannot keep what came from inside: ${told}`, {
    hint: 'rename or delete the branch or tag inside whose name is in the way, and import again',
  });
}

type Describing = { readonly tip: Tip; readonly sandbox: SandboxId; readonly had: string | undefined };

async function described(
  host: Host,
  repository: Repository,
  { tip, sandbox, had }: Describing,
): Promise<ImportedRef> {
  const args = ['rev-list', '--count', tip.commit, '--not', '--branches', '--tags', '--remotes', '--'];
  const count = Number.parseInt((await hostGitMaybe(host, args, at(repository))) ?? '', 10);
  const kept =
    had === undefined ||
    (await hostGitMaybe(host, ['merge-base', '--is-ancestor', had, tip.commit], at(repository))) !==
      undefined;
  return {
    name: tip.name,
    ref: importedName(sandbox, tip.name),
    commit: tip.commit,
    commits: Number.isNaN(count) ? 0 : count,
    kind: had === undefined ? 'new' : kept ? 'forward' : 'rewritten',
  };
}
