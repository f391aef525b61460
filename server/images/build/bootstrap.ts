// Makes a base image from a distribution's packages, without privileges beyond user namespaces.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { randomHex } from '../../platform/random.ts';
import { putBlob } from '../blobs.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import { readManifest, writeManifest } from '../manifest.ts';
import { type BuildOutcome, isWhole } from './buildImage.ts';
import { type Distribution, distributionOf, sourceLines } from './distributions.ts';
import { lockAccounts, removeCaches, removeIdentity } from './hygiene.ts';
import { addKernel } from './kernelFiles.ts';
import { fetchKernel } from './kernelPackages.ts';
import { installPackages } from './mmdebstrap.ts';
import { offerOf } from './releases.ts';
import { factsOf } from './rootFacts.ts';
import { type FolderNode, fileOf, find, metaOf, put } from './rootTree.ts';
import { withScratch } from './scratch.ts';
import { readTar } from './tarRead.ts';
import { writeTar } from './tarWrite.ts';

export type BootstrapRequest = {
  /** Such as `debian:12`. */
  readonly base: string;
  /** The name of the base when it is left out. */
  readonly name?: string | undefined;
  /** Used in the place of everything else that packages could come from. */
  readonly mirror?: string | undefined;
  /** Packages beside those that every base has. */
  readonly include?: readonly string[] | undefined;
};

/** What work inside a sandbox takes for granted. */
const packages: readonly string[] = [
  'bash',
  'ca-certificates',
  'git',
  'iproute2',
  'kmod',
  'less',
  'netbase',
  'nodejs',
  'openssh-client',
  'procps',
  'python3',
];

/** Raised whenever the same packages give another image. */
const FORMAT = 1;

/** The one that exists, when its packages are those that are offered now. */
export async function bootstrapImage(
  deps: ImageDeps,
  request: BootstrapRequest,
  call: ImageCall,
): Promise<BuildOutcome> {
  const distribution = distributionOf(request.base);
  const include = wantedPackages(request.include ?? []);
  const { mirrors } = deps.settings().images;
  const sources = await sourceLines(distribution, { mirror: request.mirror, mirrors });
  const env = networkEnvironment(deps.env);
  const options = await proxyOptions(deps, call.signal);
  return withScratch(deps.paths, 'bootstrap', async folder => {
    call.progress({ phase: 'looking for newer packages' });
    const { arch } = distribution;
    const asking = { run: deps.run, signal: call.signal, env };
    const offer = await offerOf(asking, { sources, options, arch, folder });
    const inputs = digestOf([String(FORMAT), offer ?? randomHex(16), ...sources, ...include]);
    const name = request.name ?? request.base;
    const known = await readManifest(deps.paths, name);
    if (known?.name === name && known.source.kind === 'bootstrap' && known.source.inputs === inputs) {
      if (await isWhole(deps, known)) return { image: known, cached: true };
    }
    const root = await makeRoot(deps, call, { distribution, sources, include, folder, env, options });
    call.progress({ phase: 'writing the image' });
    const tar = join(folder, 'rootfs.tar');
    const { digest, bytes } = await writeTar(root, tar, call.signal);
    const facts = await factsOf(root);
    call.signal.throwIfAborted();
    await putBlob(deps.paths, tar, { take: 'move', digest, signal: call.signal });
    const image = await writeManifest(deps.paths, {
      version: 1,
      name,
      source: { kind: 'bootstrap', from: request.base, inputs },
      ...facts,
      arch: process.arch === 'arm64' ? 'arm64' : 'x64',
      init: 'heyvm',
      config: { env: {}, entrypoint: [], cmd: ['/bin/bash'] },
      files: [{ role: 'rootfs', format: 'tar', digest, bytes }],
      created_at: new Date().toISOString(),
    });
    return { image, cached: false };
  });
}

function digestOf(lines: readonly string[]): string {
  return `sha256:${createHash('sha256').update(lines.join('\n')).digest('hex')}`;
}

function wantedPackages(more: readonly string[]): readonly string[] {
  const wrong = more.find(name => !/^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$/.test(name));
  if (wrong !== undefined) fail('usage', `${JSON.stringify(wrong)} is no name of a package`);
  return [...new Set([...packages, ...more])].sort();
}

type RootRequest = {
  readonly distribution: Distribution;
  readonly sources: readonly string[];
  readonly include: readonly string[];
  readonly folder: string;
  /** How the network is reached. */
  readonly env: Readonly<Record<string, string>>;
  readonly options: readonly string[];
};

/** The kernel is fetched while the packages are installed, because one waits for the network and one for a core. */
async function makeRoot(deps: ImageDeps, call: ImageCall, request: RootRequest): Promise<FolderNode> {
  const { distribution, sources, folder, env, options } = request;
  const stop = new AbortController();
  const signal = AbortSignal.any([call.signal, stop.signal]);
  const kernel = fetchKernel({ run: deps.run, signal, env }, { distribution, sources, options, folder });
  const tar = installPackages({ run: deps.run, signal, env, progress: call.progress }, request);
  // One that fails stops the other, and nothing goes on when this returns.
  const [installed, fetched] = await Promise.allSettled([tar, kernel].map(work => stopOnFailure(work, stop)));
  call.signal.throwIfAborted();
  if (installed?.status === 'rejected' && !isConsequence(installed.reason)) throw installed.reason;
  if (fetched?.status === 'rejected') throw fetched.reason;
  call.progress({ phase: 'adding the kernel' });
  const root = readTar(await tar);
  await addKernel({ run: deps.run, signal, scratch: folder }, root, await kernel);
  await lockAccounts(root);
  removeIdentity(root);
  removeCaches(root);
  finish(root);
  return root;
}

async function stopOnFailure(work: Promise<unknown>, stop: AbortController): Promise<void> {
  try {
    await work;
  } catch (error) {
    stop.abort();
    throw error;
  }
}

function isConsequence(reason: unknown): boolean {
  return (
    reason instanceof Error &&
    (reason.name === 'AbortError' || ('code' in reason && reason.code === 'cancelled'))
  );
}

/** Nothing of the machine that made it, and every folder that a guest mounts something at. */
function finish(root: FolderNode): void {
  put(root, 'etc/hostname', fileOf('heyvm\n'));
  put(root, 'etc/resolv.conf', fileOf(''));
  for (const path of ['workspace', 'proc', 'sys', 'dev', 'run', 'tmp']) {
    if (find(root, path) !== undefined) continue;
    put(root, path, { kind: 'folder', meta: metaOf(path === 'tmp' ? 0o1777 : 0o755), children: new Map() });
  }
}

const networkVariables = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy'];

function networkEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const path = `${env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  const found: Record<string, string> = { PATH: path, HOME: env['HOME'] ?? '/' };
  for (const name of networkVariables) {
    const value = env[name] ?? env[name.toUpperCase()];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** How this machine's own apt reaches the network. */
async function proxyOptions({ run }: ImageDeps, signal: AbortSignal): Promise<readonly string[]> {
  const { stdout } = await run(['apt-config', 'dump', '--format', '%f "%v";%n'], { signal, accept: 'any' });
  return stdout.split('\n').filter(line => /^Acquire::(https?::|Retries|ForceIPv)[^ ]* "[^"]+";$/.test(line));
}
