// heyvm cp: copies files into and out of a sandbox.

import { download } from '../../copy/download.ts';
import { type Place, placeOf } from '../../copy/place.ts';
import { createTally, type Tally } from '../../copy/tally.ts';
import { upload } from '../../copy/upload.ts';
import { bytes, counted } from '../../core/amounts.ts';
import { fail } from '../../core/errors.ts';
import { type GuestFiles, openFiles } from '../../sftp/client.ts';
import type { Context } from '../command.ts';
import { openGuest } from '../guest.ts';
import { createProgress } from '../progress.ts';

export async function run(context: Context): Promise<undefined> {
  const { args, out, paths, interrupts } = context;
  const source = placeOf(args.argument('source'));
  const target = placeOf(args.argument('target'));
  const sandbox = sandboxOf(source, target);
  const { guest } = await openGuest(paths, sandbox, interrupts.signal);
  // A copy that is cancelled must not wait for what is under way.
  const files = await openFiles(await guest.sftp(), interrupts.signal);
  const line = createProgress(out);
  const tally = createTally({ progress: line.report, signal: interrupts.signal });
  try {
    await copy({ source, target }, files, tally, args.flag('recursive') ? 'recursive' : 'single');
  } finally {
    line.clear();
    files.close();
  }
  const { counts } = tally;
  out.result(counts, () => '');
  out.note(`${counted(counts.files, 'file')}, ${bytes(counts.bytes)}`);
}

type Depth = 'recursive' | 'single';

async function copy(
  { source, target }: { source: Place; target: Place },
  files: GuestFiles,
  tally: Tally,
  depth: Depth,
): Promise<void> {
  try {
    if (source.kind === 'host' && target.kind === 'guest')
      await upload({ source, target, depth }, files, tally);
    if (source.kind === 'guest' && target.kind === 'host')
      await download({ source, target, depth }, files, tally);
  } catch (error) {
    // What breaks because of the cancellation is not worth telling.
    tally.signal.throwIfAborted();
    throw error;
  }
}

function sandboxOf(source: Place, target: Place): string {
  if (source.kind === 'guest' && target.kind === 'host') return source.sandbox;
  if (source.kind === 'host' && target.kind === 'guest') return target.sandbox;
  const both = source.kind === 'guest' ? 'both are in a sandbox' : 'none is in a sandbox';
  return fail('usage', `one of source and target must be <sandbox>:<path>; ${both}`, {
    hint: 'for example: heyvm cp notes.txt my-sandbox:/tmp/',
  });
}
