// The methods about files of a running sandbox, over a connection to its file server that is kept while it is used.
import { basename } from 'node:path';
import { download } from '../copy/download.ts';
import { createTally } from '../copy/tally.ts';
import { upload } from '../copy/upload.ts';
import { fail, SandboxError } from '../core/errors.ts';
import type { Handlers } from '../protocol/contract.ts';
import { type FileFacts, MOST_READ_BYTES, MOST_WRITTEN_BYTES } from '../protocol/fileMethods.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { type GuestFiles, openFiles } from '../sftp/client.ts';
import type { Attributes } from '../sftp/packet.ts';
import { readRange } from '../sftp/readRange.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

type Methods = Extract<keyof HelperContract, `files/${string}`>;

export function fileHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const lines = createLines(deps);
  const done = async (target: string, work: (files: GuestFiles) => Promise<unknown>, limitMs = ANSWER_MS) => {
    await lines.use(target, work, limitMs);
    return {};
  };
  return {
    'files/stat': async ({ sandbox, path }) => {
      const facts = await lines.use(sandbox, files => factsAt(files, path));
      return facts === undefined ? {} : { facts };
    },
    'files/list': async ({ sandbox, path }) => ({
      entries: await lines.use(sandbox, files => listFolder(files, path)),
    }),
    'files/read': async ({ sandbox, path, offset = 0, bytes = MOST_READ_BYTES }) =>
      await lines.use(sandbox, async files => {
        const data = await readRange(files, path, { offset, bytes: bytes + 1 });
        return { data: data.subarray(0, bytes).toString('base64'), end: data.length <= bytes };
      }),
    'files/write': async ({ sandbox, path, data }) => {
      const content = Buffer.from(data, 'base64');
      if (content.length > MOST_WRITTEN_BYTES)
        fail('usage', `${path} is too large to be written at once`, { hint: 'copy it into the sandbox' });
      return await done(sandbox, files => files.write(path, piece(content), undefined));
    },
    'files/folder': ({ sandbox, path }) => done(sandbox, files => files.makeFolder(path, undefined)),
    'files/rename': ({ sandbox, path, to }) => done(sandbox, files => files.rename(path, to)),
    'files/remove': ({ sandbox, path, recursive = false }) =>
      done(sandbox, files => remove(files, path, recursive), REMOVAL_MS),
    'files/copy': async ({ sandbox, direction, from, to }, { signal, progress }) => {
      // A copy has a line of its own, which is cut when it is cancelled.
      const files = await openLine(deps, sandbox, signal);
      const tally = createTally({ progress, signal });
      const host = { kind: 'host', path: direction === 'in' ? from : to, scope: 'itself' } as const;
      const inside = direction === 'in' ? to : from;
      const guest = { kind: 'guest', sandbox, path: inside, folder: 'open', scope: 'itself' } as const;
      try {
        if (direction === 'in')
          await upload({ source: host, target: guest, depth: 'recursive' }, files, tally);
        else await download({ source: guest, target: host, depth: 'recursive' }, files, tally);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        files.close();
      }
      return { ...tally.counts };
    },
  };
}

/** A line that nobody used for this long is closed. */
const IDLE_MS = 30_000;

/** A guest answers when it likes; an editor must not wait for ever. */
const ANSWER_MS = 120_000;
/** A removal goes from file to file. */
const REMOVAL_MS = 15 * 60_000;

type Line = {
  readonly files: Promise<GuestFiles>;
  readonly cut: AbortController;
  timer: NodeJS.Timeout;
  users: number;
};

type Lines = {
  use<T>(target: string, work: (files: GuestFiles) => Promise<T>, limitMs?: number): Promise<T>;
};

/** One line a sandbox, because editors ask many small things. A line that broke is not used again. */
function createLines(deps: ServiceDeps): Lines {
  const open = new Map<string, Line>();
  const close = (target: string, line: Line): void => {
    if (open.get(target) === line) open.delete(target);
    line.cut.abort(new SandboxError('owner-unreachable', `the line to the files of ${target} was closed`));
  };
  const take = (target: string): Line => {
    const known = open.get(target);
    if (known !== undefined) return known;
    const cut = new AbortController();
    const files = openLine(deps, target, cut.signal, () => close(target, line));
    const timer = setTimeout(() => close(target, line), IDLE_MS).unref();
    const line: Line = { files, cut, timer, users: 0 };
    line.files.catch(() => close(target, line));
    open.set(target, line);
    return line;
  };
  return {
    async use(target, work, limitMs = ANSWER_MS) {
      const line = take(target);
      clearTimeout(line.timer);
      line.users += 1;
      let current = line;
      let late = false;
      const limit = setTimeout(() => {
        late = true;
        close(target, current);
      }, limitMs);
      try {
        return await work(await line.files);
      } catch (error) {
        if (late) refuseLate(target);
        if (!isBroken(error)) throw error;
        close(target, line);
        // Why it broke is told by the attempt to connect again: most often the sandbox was stopped meanwhile.
        current = take(target);
        await current.files.catch((thrown: unknown) => (late ? refuseLate(target) : Promise.reject(thrown)));
        throw error;
      } finally {
        clearTimeout(limit);
        line.users -= 1;
        if (line.users === 0) line.timer = setTimeout(() => close(target, line), IDLE_MS).unref();
      }
    },
  };
}

function refuseLate(target: string): never {
  fail('timeout', `the file server of ${target} does not answer in time`, {
    hint: 'it may be paused, or busy; heyvm get shows its state',
  });
}

async function openLine(
  { sandboxes }: ServiceDeps,
  target: string,
  signal: AbortSignal,
  onClose?: () => void,
): Promise<GuestFiles> {
  const { connectOwner } = await import('../owner/connect.ts');
  const { guest } = connectOwner(await sandboxes.find(target));
  const stream = await guest.sftp();
  // The next one who asks means the sandbox that has the name by then.
  if (onClose !== undefined) stream.once('end', onClose).once('close', onClose);
  return await openFiles(stream, signal);
}

function isBroken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'owner-unreachable';
}

async function factsAt(files: GuestFiles, path: string): Promise<FileFacts | undefined> {
  const own = await files.lstat(path);
  return own === undefined ? undefined : await factsOf(files, path, own);
}

async function factsOf(files: GuestFiles, path: string, own: Attributes): Promise<FileFacts> {
  const { kind, size, mode, modifiedAt } = own;
  const facts = { kind, size, mode, modified_at: modifiedAt.getTime() };
  if (kind !== 'link') return facts;
  // A link that leads nowhere, or in a circle, is a link and no more.
  const target = await files.stat(path).catch(() => undefined);
  if (target === undefined || target.kind === 'link') return facts;
  return { ...facts, size: target.size, leads_to: target.kind };
}

async function listFolder(files: GuestFiles, path: string) {
  const found = await files.list(path);
  return await Promise.all(
    found.map(async ({ name, attributes }) => ({
      name,
      ...(await factsOf(files, `${path === '/' ? '' : path}/${name}`, attributes)),
    })),
  );
}

async function* piece(content: Buffer): AsyncIterable<Uint8Array> {
  if (content.length > 0) yield content;
}

/** What a link leads to is never removed. */
async function remove(files: GuestFiles, path: string, recursive: boolean): Promise<void> {
  if (path === '/' || basename(path) === '..') fail('usage', `${path} cannot be removed`);
  const found = await files.lstat(path);
  if (found === undefined) return fail('path-not-found', `${path} does not exist in the sandbox`);
  if (found.kind !== 'folder') return await files.remove(path);
  if (recursive) for (const { name } of await files.list(path)) await remove(files, `${path}/${name}`, true);
  return await files.removeFolder(path);
}
