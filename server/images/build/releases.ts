// What a distribution offers at the moment, told by the few lines of its release files that name its package lists.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toSandboxError } from '../../core/errors.ts';
import type { PackageDeps } from './kernelPackages.ts';

export type ReleaseRequest = {
  readonly sources: readonly string[];
  readonly options: readonly string[];
  readonly arch: string;
  readonly folder: string;
};

/** As distributions.ts writes them. */
const sourceLine = /^deb(?: \[[^\]]*\])? (\S+) (\S+) (.+)$/;

/** In no PATH. */
const HELPER = '/usr/lib/apt/apt-helper';
const PATIENCE_MS = 60_000;

/**
 * Changes with every package that does, and not with a signature that was only made anew. Undefined when it cannot be
 * told, which is for the work itself to explain. Nothing is installed by this, so that nothing needs to be signed.
 */
export async function offerOf(deps: PackageDeps, request: ReleaseRequest): Promise<string | undefined> {
  const place = join(request.folder, 'releases');
  await mkdir(place, { mode: 0o755 });
  const config = join(place, 'apt.conf');
  await writeFile(config, ['APT::Sandbox::User "root";', ...request.options, ''].join('\n'));
  const env = { ...deps.env, APT_CONFIG: config };
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const lists = await Promise.all(
      request.sources.map(async (line, number) => {
        const [, uri = '', suite = '', components = ''] = sourceLine.exec(line) ?? [];
        const target = join(place, String(number));
        const address = `${uri.replace(/\/$/, '')}/dists/${suite}/InRelease`;
        await deps.run([HELPER, '-qq', 'download-file', address, target], { env, signal });
        return packageLists(await readFile(target, 'utf8'), { components, arch: request.arch });
      }),
    );
    if (lists.some(list => list.length === 0)) return undefined;
    return createHash('sha256').update(lists.flat().join('\n')).digest('hex');
  } catch (error) {
    deps.signal.throwIfAborted();
    if (toSandboxError(error).code === 'internal') throw error;
    return undefined;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Digests of the lists of one architecture, each with its name. */
function packageLists(release: string, { components, arch }: { components: string; arch: string }): string[] {
  const some = components.split(' ').join('|');
  const wanted = new RegExp(`^ [0-9a-f]{64} +\\d+ (${some})/binary-${arch}/Packages(\\.\\w+)?$`);
  return release.split('\n').filter(line => wanted.test(line));
}
