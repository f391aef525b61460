// Tools that read and write files inside, over the file server that the guest runs itself.
import { posix } from 'node:path';
import { fail } from '../../core/errors.ts';
import { WORKSPACE } from '../../core/launch.ts';
import { redactPart } from '../../core/redact.ts';
import { type GuestFiles, openFiles } from '../../sftp/client.ts';
import { readRange } from '../../sftp/readRange.ts';
import { between } from '../outputs.ts';
import type { ToolContext, ToolHandlers } from '../tool.ts';

type Tools = Pick<ToolHandlers, 'list_files' | 'read_file' | 'write_file'>;

const DEFAULT_READ_BYTES = 64 * 1024;
const MOST_ENTRIES = 1000;
/** Read as well, so that a secret is one that is asked for in pieces; more than a private key has. */
const AROUND_BYTES = 16 * 1024;
/** A guest answers when it likes; an agent must not wait for ever. */
const ANSWER_MS = 120_000;

export const fileTools: Tools = {
  list_files: ({ sandbox, path = '.' }, context) =>
    withFiles(context, sandbox, async files => {
      const found = await files.list(placeOf(path));
      const entries = found.slice(0, MOST_ENTRIES).map(({ name, attributes }) => ({
        name,
        kind: attributes.kind,
        size: attributes.size,
        mode: (attributes.mode & 0o7777).toString(8).padStart(4, '0'),
      }));
      return { entries, more: found.length > MOST_ENTRIES };
    }),
  read_file: ({ sandbox, path, offset = 0, bytes = DEFAULT_READ_BYTES }, context) =>
    withFiles(context, sandbox, async files => {
      const place = placeOf(path);
      const known = await files.stat(place);
      if (known === undefined) return fail('path-not-found', `${place} does not exist in the sandbox`);
      if (known.kind !== 'file') return fail('usage', `${place} is not a file`);
      const begin = Math.max(0, offset - AROUND_BYTES);
      const ahead = offset - begin;
      const around = await readRange(files, place, { offset: begin, bytes: ahead + bytes + AROUND_BYTES });
      const whole = between(around, ahead, ahead + bytes);
      if (whole.includes(0)) {
        return fail('usage', `${place} is not text`, { hint: 'look at it with a program inside, by exec' });
      }
      const before = around.subarray(0, Math.min(ahead, around.length)).toString();
      const shown = before + whole.toString();
      const after = around.subarray(ahead + bytes).toString();
      const part = { from: before.length, to: shown.length };
      const { text, count } = redactPart(shown + after, part);
      return { text, offset, bytes: whole.length, size: known.size, redacted: count };
    }),
  write_file: ({ sandbox, path, content, executable = false }, context) =>
    withFiles(context, sandbox, async files => {
      const place = placeOf(path);
      await makeFolders(files, posix.dirname(place));
      const data = Buffer.from(content);
      await files.write(place, once(data), executable ? 0o755 : 0o644);
      if (executable) await files.setMode(place, 0o755);
      return { path: place, bytes: data.length };
    }),
};

function placeOf(path: string): string {
  return posix.resolve(WORKSPACE, path);
}

async function withFiles<T>(
  { reach, signal }: ToolContext,
  sandbox: string,
  use: (files: GuestFiles) => Promise<T>,
): Promise<T> {
  const guest = await reach(sandbox, signal);
  const late = AbortSignal.timeout(ANSWER_MS);
  const files = openFiles(await guest.sftp(), AbortSignal.any([signal, late]));
  try {
    return await use(await files);
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted) fail('timeout', `the file server of ${sandbox} does not answer in time`);
    throw error;
  } finally {
    files.then(
      open => open.close(),
      () => undefined,
    );
  }
}

async function makeFolders(files: GuestFiles, path: string): Promise<void> {
  if ((await files.stat(path)) !== undefined) return;
  await makeFolders(files, posix.dirname(path));
  await files.makeFolder(path, undefined);
}

async function* once(data: Buffer): AsyncIterable<Uint8Array> {
  if (data.length > 0) yield data;
}
