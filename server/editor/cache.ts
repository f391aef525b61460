// The servers of editors that were fetched: one unpacked tree for each, checked against the vendor's checksum.
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
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
import {
  addressOf,
  keyOf,
  PROGRAM,
  type ServerAddress,
  type ServerPlatform,
  vendorAddressOf,
} from './place.ts';

export type CacheDeps = { readonly paths: Paths; readonly env: NodeJS.ProcessEnv; readonly run: Run };
export type CacheCall = { readonly signal: AbortSignal; readonly progress: (progress: Progress) => void };

const Release = z.object({ sha256hash: z.string().check(z.regex(/^[0-9a-f]{64}$/)) });
const Product = z.object({ commit: z.string() });

const FALL_BACK =
  'the editor downloads its server itself when the window opens, if the sandbox has a network';
/** The editor would do it as well, so that nobody is kept waiting for long. */
const RETRIES = { count: 2, pauseMs: 500, idleMs: 20_000 };
const UNPACK_MS = 300_000;

type Wanted = {
  readonly key: string;
  readonly lock: string;
  readonly title: string;
  readonly address: ServerAddress;
  /** How many folders of the archive are left out. */
  readonly strip: number;
  /** Looks whether it is what was asked for, before anybody uses it. */
  readonly settle: (unpacked: string) => Promise<void>;
};

type Asked = { readonly product: EditorProduct; readonly platform: ServerPlatform };

/** The folder of an unpacked server. */
export async function ensureServer(
  deps: CacheDeps,
  { product, platform }: Asked,
  call: CacheCall,
): Promise<string> {
  const { commit, quality } = product;
  const wanted = {
    key: keyOf(product, platform.artifact),
    lock: `server-${commit.slice(0, 12)}-${platform.os}-${platform.arch}`,
    title: `the server of the editor (${quality} ${commit.slice(0, 8)})`,
    address: addressOf(product, platform),
    strip: 1,
    settle: (unpacked: string) => requireRight(unpacked, product),
  };
  return ensure(deps, wanted, call);
}

/** The folder with the program that Remote-SSH starts first, as `code`. */
export async function ensureProgram(
  deps: CacheDeps,
  { product, artifact }: { readonly product: EditorProduct; readonly artifact: string },
  call: CacheCall,
): Promise<string> {
  const { commit, quality } = product;
  const wanted = {
    key: keyOf(product, artifact),
    lock: `program-${commit.slice(0, 12)}-${artifact}`,
    title: `the program of Remote-SSH (${quality} ${commit.slice(0, 8)})`,
    address: vendorAddressOf(product, artifact),
    strip: 0,
    settle: requireProgram,
  };
  return ensure(deps, wanted, call);
}

/** Whoever asks for the same at the same time waits for one download. */
async function ensure(deps: CacheDeps, wanted: Wanted, call: CacheCall): Promise<string> {
  const { paths } = deps;
  const folder = join(paths.servers, wanted.key);
  if (existsSync(folder)) return folder;
  return withLock(paths, wanted.lock, { wait: 'wait', signal: call.signal }, async () => {
    if (!existsSync(folder)) await fill(deps, folder, wanted, call);
    return folder;
  });
}

async function fill(
  { paths, env, run }: CacheDeps,
  folder: string,
  { title, address, strip, settle }: Wanted,
  call: CacheCall,
): Promise<void> {
  const incoming = join(paths.cache, 'incoming');
  await ensureFolder(paths.home);
  await ensureFolder(paths.cache);
  await ensureShownFolder(paths.servers);
  const hex = await checksumOf({ ...address, title }, { env, signal: call.signal });
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
    const words = ['-xzf', fetched.path, '-C', draft, `--strip-components=${strip}`, '--no-same-owner'];
    await run(['tar', ...words], { signal: call.signal, timeoutMs: UNPACK_MS });
    await settle(draft);
    await writeAtomic(`${folder}.json`, JSON.stringify({ url: fetched.url, digest: fetched.digest }));
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(fetched.path, { force: true });
  }
}

/** Nothing is taken without one. */
async function checksumOf(
  { checksum, title }: ServerAddress & { readonly title: string },
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
  return fail('path-not-found', `the checksum of ${title} cannot be had: ${url}: ${why}`, {
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

/** It is for the system of a guest, so that only the guest can say whether it runs. */
async function requireProgram(folder: string): Promise<void> {
  const [only, ...more] = await readdir(folder, { withFileTypes: true });
  if (only?.isFile() !== true || more.length > 0)
    fail('path-not-found', 'what was downloaded is not one program', { hint: FALL_BACK });
  await rename(join(folder, only.name), join(folder, PROGRAM));
  await chmod(join(folder, PROGRAM), 0o755);
}
