// The servers of editors that were fetched: one unpacked tree for each, checked against the vendor's checksum.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fail, toSandboxError } from '../core/errors.ts';
import type { Run } from '../core/ports.ts';
import { download } from '../images/download.ts';
import { ConnectionLost, http, textOf } from '../images/http.ts';
import { ensureFolder, ensureShownFolder, writeAtomic } from '../platform/files.ts';
import type { Progress } from '../protocol/contract.ts';
import type { EditorProduct } from '../protocol/editorMethods.ts';
import { parseJson } from '../protocol/parse.ts';
import { withLock } from '../store/lock.ts';
import type { Paths } from '../store/paths.ts';
import { addressOf, keyOf, type ServerAddress, type ServerPlatform } from './place.ts';

export type CacheDeps = { readonly paths: Paths; readonly env: NodeJS.ProcessEnv; readonly run: Run };
export type CacheCall = { readonly signal: AbortSignal; readonly progress: (progress: Progress) => void };

const Release = z.object({ sha256hash: z.string().check(z.regex(/^[0-9a-f]{64}$/)) });
const Product = z.object({ commit: z.string() });

const FALL_BACK =
  'the editor downloads its server itself when the window opens, if the sandbox has a network';
/** The editor would do it as well, so that nobody is kept waiting for long. */
const RETRIES = { count: 2, pauseMs: 500, idleMs: 20_000 };
const UNPACK_MS = 300_000;

/** The folder of an unpacked server; whoever asks for the same at the same time waits for one download. */
export async function ensureServer(
  deps: CacheDeps,
  { product, platform }: { readonly product: EditorProduct; readonly platform: ServerPlatform },
  call: CacheCall,
): Promise<string> {
  const { paths } = deps;
  const key = keyOf(product, platform);
  const folder = join(paths.servers, key);
  if (existsSync(folder)) return folder;
  const lock = `server-${product.commit.slice(0, 12)}-${platform.os}-${platform.arch}`;
  return withLock(paths, lock, { wait: 'wait', signal: call.signal }, async () => {
    if (!existsSync(folder))
      await fill(deps, { product, folder, address: addressOf(product, platform) }, call);
    return folder;
  });
}

type Filling = {
  readonly product: EditorProduct;
  readonly folder: string;
  readonly address: ServerAddress;
};

async function fill({ paths, env, run }: CacheDeps, asked: Filling, call: CacheCall): Promise<void> {
  const { product, folder, address } = asked;
  const title = `the server of the editor (${product.quality} ${product.commit.slice(0, 8)})`;
  const incoming = join(paths.cache, 'incoming');
  await ensureFolder(paths.home);
  await ensureFolder(paths.cache);
  await ensureShownFolder(paths.servers);
  const hex = await checksumOf(address, { env, signal: call.signal });
  const expected = { algorithm: 'sha256' as const, hex };
  const fetched = await download(
    { urls: [address.url], expected, folder: incoming, env, title, retries: RETRIES },
    call,
  ).catch((thrown: unknown) => {
    const { message } = toSandboxError(thrown);
    return call.signal.aborted
      ? Promise.reject(thrown)
      : fail('path-not-found', message, { hint: FALL_BACK });
  });
  call.progress({ phase: `unpacking ${title}` });
  const draft = `${folder}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  try {
    await mkdir(draft, { mode: 0o755 });
    const words = ['-xzf', fetched.path, '-C', draft, '--strip-components=1', '--no-same-owner'] as const;
    await run(['tar', ...words], { signal: call.signal, timeoutMs: UNPACK_MS });
    await requireRight(draft, product);
    await writeAtomic(`${folder}.json`, JSON.stringify({ url: fetched.url, digest: fetched.digest }));
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(fetched.path, { force: true });
  }
}

/** Nothing is taken without one. */
async function checksumOf(
  { checksum }: ServerAddress,
  call: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<string> {
  const { kind, url } = checksum;
  let why: string;
  try {
    const response = await http({ url, ...call });
    const text = await textOf(response);
    if (response.status === 200) {
      const release = parseJson(Release, text);
      const hex =
        kind === 'file'
          ? /^[0-9a-f]{64}\b/.exec(text)?.[0]
          : release.ok
            ? release.value.sha256hash
            : undefined;
      if (hex !== undefined) return hex;
    }
    why = response.status === 200 ? 'its answer is none' : `the server answers ${response.status}`;
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    why = error.message;
  }
  return fail('path-not-found', `the checksum of the editor's server cannot be had: ${url}: ${why}`, {
    hint: FALL_BACK,
  });
}

async function requireRight(folder: string, { application, commit }: EditorProduct): Promise<void> {
  const found = parseJson(Product, await readFile(join(folder, 'product.json'), 'utf8').catch(() => ''));
  if (found.ok && found.value.commit === commit && existsSync(join(folder, 'bin', application))) return;
  fail('path-not-found', `what was downloaded is not the server of ${commit} with bin/${application}`, {
    hint: FALL_BACK,
  });
}
