// Fetches one large file: goes on after an interruption, tries again, and gives nothing that was not checked.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { ensureFolder, isAbsence, readTextIfExists, writeAtomic } from '../platform/files.ts';
import { parseJson } from '../protocol/parse.ts';
import type { Algorithm } from './bases.ts';
import type { ImageCall } from './deps.ts';
import { ConnectionLost, chunksOf, type HttpResponse, http } from './http.ts';

export type Download = {
  /** The same file at several places, the preferred one first. */
  readonly urls: readonly string[];
  readonly expected: { readonly algorithm: Algorithm; readonly hex: string };
  /** Where unfinished downloads wait for being finished. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Shown to the person. */
  readonly title: string;
  readonly retries?: { readonly count: number; readonly pauseMs: number; readonly idleMs?: number };
};

/** The caller moves the file away; `digest` is its sha256. */
export type Fetched = { readonly path: string; readonly digest: string; readonly url: string };

const Validator = z.object({ url: z.string(), validator: z.optional(z.string()) });

const RETRIES = { count: 5, pauseMs: 1_000, idleMs: 30_000 };
/** What a person can wait for once; each further wait is longer. */
const LONGEST_PAUSE_MS = 30_000;

export async function download(asked: Download, call: ImageCall): Promise<Fetched> {
  await ensureFolder(asked.folder);
  const problems: string[] = [];
  for (const url of asked.urls) {
    const found = await fetchFrom(asked, url, call);
    if (found.kind === 'fetched') return found.fetched;
    problems.push(`${url}: ${found.why}`);
  }
  return fail('image-not-found', `cannot download ${asked.title}: ${problems.join('; ')}`, {
    hint: 'check the network or the proxy and try again, which goes on where it stopped; or set images.mirrors',
  });
}

type Attempt = { kind: 'fetched'; fetched: Fetched } | { kind: 'failed'; why: string };

async function fetchFrom(asked: Download, url: string, call: ImageCall): Promise<Attempt> {
  const { count, pauseMs } = asked.retries ?? RETRIES;
  const part = new Part(asked, url);
  let why = '';
  for (let attempt = 0; attempt <= count; attempt += 1) {
    if (attempt > 0) {
      call.progress({ phase: `waiting to try ${asked.title} again`, detail: why });
      await wait(Math.min(pauseMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS), undefined, {
        signal: call.signal,
      });
    }
    try {
      const outcome = await part.fetch(call);
      if (outcome.kind === 'fetched') return outcome;
      why = outcome.why;
      if (outcome.kind === 'refused') break;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      why = error.message;
    }
  }
  return { kind: 'failed', why };
}

type Outcome = { kind: 'fetched'; fetched: Fetched } | { kind: 'again' | 'refused'; why: string };

/** One unfinished file and what tells that the server still has the same. */
class Part {
  readonly #asked: Download;
  readonly #url: string;
  readonly #path: string;
  readonly #note: string;

  constructor(asked: Download, url: string) {
    const key = createHash('sha256').update(`${url} ${asked.expected.hex}`).digest('hex').slice(0, 24);
    this.#asked = asked;
    this.#url = url;
    this.#path = join(asked.folder, `${key}.part`);
    this.#note = join(asked.folder, `${key}.json`);
  }

  async fetch(call: ImageCall): Promise<Outcome> {
    const have = await this.#size();
    const response = await this.#ask(have, call);
    const { status } = response;
    // Everything is here already; whether it is right, its digest tells.
    if (status === 416 && have > 0) {
      response.body.resume();
      return this.#finish(await this.#hashExisting(call.signal));
    }
    if (status !== 200 && status !== 206) {
      response.body.resume();
      const later = status === 408 || status === 429 || status >= 500;
      return { kind: later ? 'again' : 'refused', why: `the server answers ${status}` };
    }
    return this.#finish(await this.#receive(response, have, call));
  }

  async #ask(have: number, { signal }: ImageCall): Promise<HttpResponse> {
    const note = parseJson(Validator, (await readTextIfExists(this.#note)) ?? '');
    const validator = note.ok && note.value.url === this.#url ? note.value.validator : undefined;
    const range: Record<string, string> =
      have > 0 && validator !== undefined ? { range: `bytes=${have}-`, 'if-range': validator } : {};
    const { env, retries } = this.#asked;
    const headers = { 'accept-encoding': 'identity', ...range };
    return http({ url: this.#url, headers, env, signal, idleMs: retries?.idleMs ?? RETRIES.idleMs });
  }

  async #receive(response: HttpResponse, have: number, call: ImageCall): Promise<Hashes> {
    const start = response.status === 206 ? rangeStart(response) : 0;
    // A server that sends another part than was asked for is made to send everything.
    if (response.status === 206 && start !== have) {
      response.body.destroy();
      await this.discard();
      throw new ConnectionLost('the server sent another part than was asked for');
    }
    const length = Number(response.headers['content-length'] ?? Number.NaN);
    const total = Number.isFinite(length) ? start + length : undefined;
    if (total !== undefined) await requireSpace(this.#asked, total - start);
    const hashes = start > 0 ? await this.#hashExisting(call.signal) : newHashes(this.#asked);
    if (start === 0)
      await writeAtomic(this.#note, JSON.stringify({ url: this.#url, validator: validatorOf(response) }));
    const file = await open(this.#path, start > 0 ? 'r+' : 'w', 0o600);
    try {
      await write({ file, at: start, total, hashes }, response, { ...call, title: this.#asked.title });
    } finally {
      await file.close();
    }
    return hashes;
  }

  async #finish(hashes: Hashes): Promise<Outcome> {
    const hex = hashes.vendor.digest('hex');
    await rm(this.#note, { force: true });
    if (hex === this.#asked.expected.hex) {
      const digest = `sha256:${hashes.own.digest('hex')}`;
      return { kind: 'fetched', fetched: { path: this.#path, digest, url: this.#url } };
    }
    await this.discard();
    const { algorithm, hex: expected } = this.#asked.expected;
    return { kind: 'again', why: `its ${algorithm} is ${short(hex)} and should be ${short(expected)}` };
  }

  async discard(): Promise<void> {
    await rm(this.#path, { force: true });
    await rm(this.#note, { force: true });
  }

  async #hashExisting(signal: AbortSignal): Promise<Hashes> {
    const hashes = newHashes(this.#asked);
    for await (const chunk of createReadStream(this.#path, { highWaterMark: 1024 * 1024, signal })) {
      hashes.vendor.update(chunk);
      hashes.own.update(chunk);
    }
    return hashes;
  }

  async #size(): Promise<number> {
    try {
      return (await stat(this.#path)).size;
    } catch (error) {
      if (isAbsence(error)) return 0;
      throw error;
    }
  }
}

type Hashes = { readonly vendor: Hash; readonly own: Hash };

function newHashes({ expected }: Download): Hashes {
  return { vendor: createHash(expected.algorithm), own: createHash('sha256') };
}

type Target = {
  readonly file: FileHandle;
  readonly at: number;
  readonly total: number | undefined;
  readonly hashes: Hashes;
};

async function write(
  { file, at, total, hashes }: Target,
  { body }: HttpResponse,
  { progress, title }: ImageCall & { readonly title: string },
): Promise<void> {
  let place = at;
  for await (const chunk of chunksOf(body)) {
    await file.write(chunk, 0, chunk.length, place);
    hashes.vendor.update(chunk);
    hashes.own.update(chunk);
    place += chunk.length;
    progress({
      phase: `downloading ${title}`,
      detail: total === undefined ? megabytes(place) : `${megabytes(place)} of ${megabytes(total)}`,
      ...(total === undefined || total === 0 ? {} : { percent: (100 * place) / total }),
    });
  }
  await file.datasync();
}

/** A strong validator; without one an interrupted download begins again. */
function validatorOf({ headers }: HttpResponse): string | undefined {
  const { etag } = headers;
  return etag?.startsWith('"') === true ? etag : headers['last-modified'];
}

function rangeStart({ headers }: HttpResponse): number {
  return Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? Number.NaN);
}

async function requireSpace({ folder, title }: Download, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize > bytes) return;
  fail(
    'storage',
    `${title} needs ${megabytes(bytes)} more and ${folder} has ${megabytes(bavail * bsize)} free`,
    {
      hint: 'free some space: heyvm images prune --unused',
    },
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(bytes < 10 * 1024 ** 2 ? 1 : 0)} MiB`;
}

function short(hex: string): string {
  return `${hex.slice(0, 12)}…`;
}
