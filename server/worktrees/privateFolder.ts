// Makes the git folder that a guest has to itself, and the read-only repository by which it sees the host's branches.
import { lchown, mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../platform/files.ts';
import { randomHex } from '../platform/random.ts';
import { removeTree } from '../platform/removeTree.ts';
import { headOf, kindOf, type OwnFolder, readRegular, requireFolder } from './gitFolder.ts';
import { type Host, hostGit, hostGitLine, hostGitMaybe } from './hostGit.ts';
import { inside, privateOf } from './privatePlaces.ts';
import { isSparse } from './status.ts';

export type Making = { readonly own: OwnFolder; readonly branch: string };

type Ref = { readonly name: string; readonly commit: string };

/** Complete before it has its name; what exists is left alone, for it holds the guest's work. */
export async function makePrivate(host: Host, { own, branch }: Making): Promise<void> {
  const places = privateOf(own);
  if ((await kindOf(places.folder)) !== 'absent') return requireFolder(places.folder);
  const begun = `${places.folder}.new`;
  await removeTree(begun);
  const repository = join(begun, 'repository');
  await mkdir(repository, { recursive: true, mode: 0o700 });
  const refs = await refsOf(host, own);
  const head = await headLine(own, branch);
  await furnish(repository, {
    head,
    refs: [...refs, ...refs.flatMap(asRemote)],
    config: [...(await configOf(host, own)), ...remoteConfig(branch)],
    borrows: [`${inside.host}/objects`],
  });
  await copyState(own, repository);
  await writeFile(join(begun, 'pointer'), `gitdir: ${inside.repository}\n`);
  await writeFile(join(begun, 'nothing'), '');
  await writeFile(join(begun, 'beginning'), await beginningOf(host, own, { refs, head }));
  await giveTo(repository, await stat(own.gitDir));
  await rename(begun, places.folder);
}

/** Of a worktree that is gone and had the same name: what it holds is kept, and not taken for the new one's. */
export async function setAsidePrivate(own: OwnFolder): Promise<void> {
  const { folder } = privateOf(own);
  if ((await kindOf(folder)) !== 'absent') await rename(folder, `${folder}.${randomHex(4)}.old`);
}

/** Files made by root belong to whom the repository belongs to, who may be the one that the guest runs as. */
async function giveTo(folder: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  if (process.getuid?.() !== 0 || uid === 0) return;
  for (const name of await readdir(folder, { recursive: true })) await lchown(join(folder, name), uid, gid);
  await lchown(folder, uid, gid);
}

/** Out of every guest's reach, so that it can be written while one looks at it. */
export async function writeHostView(host: Host, own: OwnFolder, borrowed: number): Promise<void> {
  const folder = privateOf(own).host;
  const main = (await hostGitMaybe(host, ['symbolic-ref', '--quiet', 'HEAD'], at(own))) ?? 'refs/heads/main';
  await furnish(folder, {
    head: `ref: ${main}`,
    refs: await refsOf(host, own),
    config: await configOf(host, own),
    borrows: Array.from({ length: borrowed }, (_, number) => inside.objects(number)),
  });
  await copyShallow(own, folder);
}

type Furniture = {
  readonly head: string;
  readonly refs: readonly Ref[];
  readonly config: readonly string[];
  readonly borrows: readonly string[];
};

async function furnish(folder: string, { head, refs, config, borrows }: Furniture): Promise<void> {
  for (const part of ['objects/info', 'refs/heads', 'info'])
    await mkdir(join(folder, part), { recursive: true });
  const packed = refs.map(({ name, commit }) => `${commit} ${name}\n`).join('');
  const files = {
    HEAD: `${head}\n`,
    config: config.map(line => `${line}\n`).join(''),
    'objects/info/alternates': borrows.map(path => `${path}\n`).join(''),
    'packed-refs': `# pack-refs with:\n${packed}`,
  };
  for (const [name, text] of Object.entries(files))
    await writeAtomic(join(folder, name), text, { mode: 0o644, durability: 'quick' });
}

function at({ commonDir }: OwnFolder): { gitDir: string; cwd: string } {
  return { gitDir: commonDir, cwd: commonDir };
}

/** Branches, tags and what remotes had; a symbolic one only repeats another. */
async function refsOf(host: Host, own: OwnFolder): Promise<Ref[]> {
  const { stdout } = await hostGit(
    host,
    [
      'for-each-ref',
      '--format=%(objectname) %(refname)%00%(symref)',
      ...['refs/heads', 'refs/tags', 'refs/remotes'],
    ],
    at(own),
  );
  return stdout.split('\n').flatMap(line => {
    const [, commit = '', name = '', symref = ''] = /^([0-9a-f]+) (.+)\0(.*)$/.exec(line) ?? [];
    return commit === '' || symref !== '' ? [] : [{ commit, name }];
  });
}

/** As though the guest had cloned from the host. */
function asRemote({ name, commit }: Ref): Ref[] {
  const branch = /^refs\/heads\/(.+)$/.exec(name)?.[1];
  return branch === undefined ? [] : [{ name: `refs/remotes/host/${branch}`, commit }];
}

async function headLine(own: OwnFolder, branch: string): Promise<string> {
  const head = await headOf(own);
  if (head.kind === 'commit') return head.id;
  return `ref: refs/heads/${head.kind === 'branch' ? head.name : branch}`;
}

type Beginning = { readonly refs: readonly Ref[]; readonly head: string };

/** Kept beside the folder and never shown inside: what differs from it is the guest's work. */
async function beginningOf(host: Host, own: OwnFolder, { refs, head }: Beginning): Promise<string> {
  const name = /^ref: (.+)$/.exec(head)?.[1] ?? head;
  const commit = await hostGitMaybe(host, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`], at(own));
  const all = commit === undefined ? refs : [{ name: 'HEAD', commit }, ...refs];
  return all.map(ref => `${ref.commit} ${ref.name}\n`).join('');
}

/** Settings of the repository that decide what its files look like, and nothing that could hold a secret. */
const kept =
  '^core\\.(autocrlf|eol|safecrlf|filemode|symlinks|ignorecase|precomposeunicode|protectntfs|sparsecheckout|sparsecheckoutcone)$';

async function configOf(host: Host, own: OwnFolder): Promise<string[]> {
  const [format, partial, settings] = await Promise.all([
    hostGitLine(host, ['rev-parse', '--show-object-format'], at(own)),
    hostGitMaybe(host, ['config', '--get', 'extensions.partialClone'], at(own)),
    settingsOf(host, own),
  ]);
  const extensions = [
    ...(format === 'sha1' ? [] : [`\tobjectFormat = ${quote(format)}`]),
    ...(partial === undefined ? [] : ['\tpartialClone = host']),
  ];
  return [
    '[core]',
    `\trepositoryformatversion = ${extensions.length > 0 ? 1 : 0}`,
    '\tbare = false',
    '\tlogallrefupdates = true',
    ...settings,
    ...(extensions.length > 0 ? ['[extensions]', ...extensions] : []),
  ];
}

async function settingsOf(host: Host, own: OwnFolder): Promise<string[]> {
  const files = [join(own.commonDir, 'config')];
  if (await isSparse(host, own)) files.push(join(own.gitDir, 'config.worktree'));
  const lines: string[] = [];
  for (const file of files) {
    const args = ['config', '--file', file, '-z', '--get-regexp', kept];
    const found = (await hostGitMaybe(host, args, at(own))) ?? '';
    for (const entry of found.split('\0')) {
      const [key = '', ...value] = entry.split('\n');
      if (key.startsWith('core.')) lines.push(`\t${key.slice('core.'.length)} = ${quote(value.join('\n'))}`);
    }
  }
  return lines;
}

function remoteConfig(branch: string): string[] {
  return [
    '[remote "host"]',
    `\turl = ${inside.host}`,
    '\tfetch = +refs/heads/*:refs/remotes/host/*',
    `[branch ${quote(branch)}]`,
    '\tremote = host',
    `\tmerge = ${quote(`refs/heads/${branch}`)}`,
  ];
}

function quote(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"`;
}

const INDEX_LIMIT = 512 * 1024 * 1024;
const TEXT_LIMIT = 16 * 1024 * 1024;

/** Copies byte by byte: an earlier guest may have written the worktree's own folder. */
async function copyState(own: OwnFolder, repository: string): Promise<void> {
  await copyShallow(own, repository);
  await copyFile(join(own.commonDir, 'info', 'exclude'), join(repository, 'info', 'exclude'), TEXT_LIMIT);
  await copyFile(
    join(own.commonDir, 'info', 'attributes'),
    join(repository, 'info', 'attributes'),
    TEXT_LIMIT,
  );
  const sparse = join('info', 'sparse-checkout');
  await copyFile(join(own.gitDir, sparse), join(repository, sparse), TEXT_LIMIT);
  // A split index is one file that names another.
  const indexes = (await readdir(own.gitDir)).filter(name => /^(index|sharedindex\.[0-9a-f]+)$/.test(name));
  for (const name of indexes) await copyFile(join(own.gitDir, name), join(repository, name), INDEX_LIMIT);
}

async function copyShallow({ commonDir }: OwnFolder, folder: string): Promise<void> {
  await copyFile(join(commonDir, 'shallow'), join(folder, 'shallow'), TEXT_LIMIT);
}

async function copyFile(source: string, target: string, limit: number): Promise<void> {
  const bytes = await readRegular(source, limit);
  if (bytes !== undefined) await writeAtomic(target, bytes, { mode: 0o644, durability: 'quick' });
}
