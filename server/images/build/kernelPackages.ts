// Gets a distribution's kernel out of its packages: downloaded and checked by apt, unpacked, no script of theirs run.
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { Run } from '../../core/ports.ts';
import type { Distribution } from './distributions.ts';
import { kernelOf, type OwnKernel } from './kernelFiles.ts';
import { eachNode, type FolderNode, newRoot, put } from './rootTree.ts';
import { readTar } from './tarRead.ts';

export type PackageDeps = {
  readonly run: Run;
  readonly signal: AbortSignal;
  /** What apt needs beside our own settings, such as proxies. */
  readonly env: Readonly<Record<string, string>>;
};

export type KernelRequest = {
  readonly distribution: Distribution;
  readonly sources: readonly string[];
  /** `Option "value";` lines that apt is given as well. */
  readonly options: readonly string[];
  /** The files in here are read from later; the caller removes it. */
  readonly folder: string;
};

export async function fetchKernel(deps: PackageDeps, request: KernelRequest): Promise<OwnKernel> {
  const { folder, distribution } = request;
  const env = await prepareApt(deps, request);
  const run = (argv: readonly [string, ...string[]], cwd?: string): Promise<{ stdout: string }> =>
    deps.run(argv, { env, signal: deps.signal, ...(cwd === undefined ? {} : { cwd }) });
  await run(['apt-get', '-qq', 'update']);
  const packages = await kernelPackages(argv => run(argv), distribution.kernel);
  const downloads = join(folder, 'packages');
  await mkdir(downloads, { mode: 0o700 });
  await run(['apt-get', '-qq', 'download', ...packages], downloads);
  const root = newRoot();
  for (const name of (await readdir(downloads)).sort()) {
    merge(root, readTar(await unpack(deps, join(downloads, name), folder)));
  }
  const kernel = await kernelOf(root);
  return (
    kernel ?? fail('build-failed', `the packages ${packages.join(', ')} have no kernel that can be used`)
  );
}

/** What apt leaves there when it is killed goes with everything else. */
const TEMPORARY = 'tmp';

/** A world of its own for apt: its own lists, its own sources, nothing installed. */
async function prepareApt(deps: PackageDeps, request: KernelRequest): Promise<Record<string, string>> {
  const base = join(request.folder, 'apt');
  for (const part of [
    'state/lists/partial',
    'cache/archives/partial',
    'etc/apt.conf.d',
    'etc/preferences.d',
    'log',
    TEMPORARY,
  ]) {
    await mkdir(join(base, part), { recursive: true, mode: 0o755 });
  }
  const list = join(base, 'etc', 'sources.list');
  const status = join(base, 'status');
  const config = join(base, 'apt.conf');
  await writeFile(list, `${request.sources.join('\n')}\n`);
  await writeFile(status, '');
  const settings: readonly (readonly [string, string])[] = [
    ['Dir::State', join(base, 'state')],
    ['Dir::State::status', status],
    ['Dir::Cache', join(base, 'cache')],
    ['Dir::Etc', join(base, 'etc')],
    ['Dir::Etc::sourcelist', list],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::trusted', '/etc/apt/trusted.gpg'],
    ['Dir::Etc::trustedparts', '/etc/apt/trusted.gpg.d'],
    ['Dir::Log', join(base, 'log')],
    ['APT::Architecture', request.distribution.arch],
    ['APT::Architectures', request.distribution.arch],
    ['APT::Sandbox::User', 'root'],
    ['Acquire::Languages', 'none'],
  ];
  const lines = settings.map(([name, value]) => `${name} "${value}";`);
  await writeFile(config, `${[...lines, ...request.options].join('\n')}\n`);
  return { ...deps.env, APT_CONFIG: config, TMPDIR: join(base, TEMPORARY) };
}

type Ask = (argv: readonly [string, ...string[]]) => Promise<{ stdout: string }>;

/** The packages with the kernel and its modules that one package stands for. */
async function kernelPackages(ask: Ask, start: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const waiting = [start];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const { stdout } = await ask(['apt-cache', 'show', '--no-all-versions', name]);
    const depends = /^Depends: (.*)$/m.exec(stdout)?.[1] ?? '';
    const names = depends.split(/[,|]/).map(part => part.trim().split(/[ (:]/)[0] ?? '');
    waiting.push(...names.filter(dependency => /^linux-(image|modules)-/.test(dependency)));
  }
  return [...found];
}

function merge(root: FolderNode, from: FolderNode): void {
  eachNode(from, (path, node) => {
    put(root, path, node.kind === 'folder' ? { ...node, children: new Map() } : node);
  });
}

const unpackers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  xz: ['xz', '-q', '-d'],
  zst: ['zstd', '-q', '-d', '--rm'],
  gz: ['gzip', '-d'],
};

/** The tar of a package's files, beside the packages; a package is an `ar` archive of a few members. */
async function unpack({ run, signal }: PackageDeps, path: string, folder: string): Promise<string> {
  const member = await dataMember(path);
  const ending = /^data\.tar(?:\.(xz|zst|gz))?$/.exec(member.name)?.[1];
  const target = join(folder, `${path.slice(path.lastIndexOf('/') + 1)}.tar`);
  const packed = ending === undefined ? target : `${target}.${ending}`;
  await copyPart(path, member, packed);
  await rm(path);
  const unpacker = unpackers[ending ?? ''];
  if (unpacker !== undefined) await run([...unpacker, packed], { signal });
  return target;
}

type Member = { readonly name: string; readonly offset: number; readonly size: number };

async function dataMember(path: string): Promise<Member> {
  const file = await open(path, 'r');
  try {
    const { size: total } = await file.stat();
    const header = Buffer.alloc(60);
    for (let offset = 8; offset + 60 <= total; ) {
      await file.read(header, 0, 60, offset);
      const name = header.toString('latin1', 0, 16).trim().replace(/\/$/, '');
      const size = Number(header.toString('latin1', 48, 58).trim());
      if (!Number.isInteger(size) || header.toString('latin1', 58, 60) !== '`\n') break;
      if (name.startsWith('data.tar')) return { name, offset: offset + 60, size };
      offset += 60 + size + (size % 2);
    }
  } finally {
    await file.close();
  }
  return fail('build-failed', `${path} is no package of Debian`);
}

async function copyPart(path: string, { offset, size }: Member, target: string): Promise<void> {
  const from = await open(path, 'r');
  try {
    const to = await open(target, 'wx', 0o600);
    try {
      const chunk = Buffer.allocUnsafe(4 * 1024 * 1024);
      for (let done = 0; done < size; ) {
        const { bytesRead } = await from.read(chunk, 0, Math.min(chunk.length, size - done), offset + done);
        if (bytesRead === 0) fail('build-failed', `${path} is cut off`);
        await to.writeFile(chunk.subarray(0, bytesRead));
        done += bytesRead;
      }
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
