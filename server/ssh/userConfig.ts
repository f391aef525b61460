// The user's own OpenSSH configuration: one Include line goes in with consent, and comes out without a trace.
import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail, SandboxError } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import { type ForeignFile, readForeign, replaceForeign } from '../platform/foreignFile.ts';
import { withLock } from '../store/lock.ts';
import type { Paths } from '../store/paths.ts';
import {
  hasInclude,
  hasMark,
  includeLine,
  type Made,
  newConfig,
  standsBeforeBlocks,
  withInclude,
  withoutInclude,
} from './includeLine.ts';

export type ConfigChange = { readonly config: string; readonly changed: boolean; readonly include: string };

/** `config` is the file to change, usually ~/.ssh/config. */
export async function installInclude(paths: Paths, config: string): Promise<ConfigChange> {
  await checkIncluded(paths);
  const line = includeLine(paths.sshConfig);
  return change(paths, config, async existing => {
    if (existing !== undefined) {
      refuseMark(config, existing.text);
      return withInclude(existing.text, line);
    }
    return newConfig(line, await makeFolder(config));
  });
}

export async function uninstallInclude(paths: Paths, config: string): Promise<ConfigChange> {
  const line = includeLine(paths.sshConfig);
  let made: Made | undefined;
  const done = await change(paths, config, async existing => {
    if (existing === undefined) return undefined;
    const removal = withoutInclude(existing.text, line);
    made = removal.text === '' ? removal.made : undefined;
    return made === undefined ? removal.text : undefined;
  });
  if (made === 'folder') await rmdir(dirname(config)).catch(ignoreFilledFolder);
  return done;
}

export type Installation =
  | { readonly kind: 'absent' }
  | { readonly kind: 'without-effect'; readonly text: string }
  | { readonly kind: 'installed'; readonly text: string };

export async function readInstallation(paths: Paths, config: string): Promise<Installation> {
  const line = includeLine(paths.sshConfig);
  const text = (await readConfig(config))?.text;
  if (text === undefined || !hasInclude(text, line)) return { kind: 'absent' };
  return { kind: standsBeforeBlocks(text, line) ? 'installed' : 'without-effect', text };
}

/** With it OpenSSH refuses the whole file, whichever line comes first, so that ours could only seem to help. */
function refuseMark(config: string, text: string): void {
  if (!hasMark(text)) return;
  fail('ssh-config', `${config} begins with a byte order mark, and OpenSSH cannot read it because of that`, {
    hint: 'save the file as UTF-8 without a byte order mark, then try again',
  });
}

/** OpenSSH refuses every host when an included file can be written by others. */
async function checkIncluded(paths: Paths): Promise<void> {
  const { mode, uid } = await stat(paths.sshConfig);
  const own = process.getuid === undefined || uid === process.getuid() || uid === 0;
  if (own && (mode & 0o022) === 0) return;
  fail(
    'ssh-config',
    `${paths.sshConfig} can be written by others, and OpenSSH would refuse every host because of it`,
    {
      hint: `run: chmod go-w ${paths.sshConfig}; where that has no effect, set HEYO_HOME to another file system`,
    },
  );
}

type ConfigFile = ForeignFile & { readonly text: string };

/** Undefined when there is no such file. */
async function readConfig(config: string): Promise<ConfigFile | undefined> {
  try {
    const found = await readForeign(config);
    return found === undefined ? undefined : { ...found, text: found.bytes.toString('latin1') };
  } catch (error) {
    if (error instanceof SandboxError) fail('ssh-config', error.message, { hint: error.hint });
    throw asConfigError(config, error);
  }
}

type Edit = (existing: ConfigFile | undefined) => Promise<string | undefined>;

/** `edit` gives the new text, or undefined for no file. Somebody else's write in between is never lost. */
async function change(paths: Paths, config: string, edit: Edit): Promise<ConfigChange> {
  const include = Buffer.from(includeLine(paths.sshConfig), 'latin1').toString();
  return withLock(paths, 'ssh-config', { wait: 'wait' }, async () => {
    for (;;) {
      const existing = await readConfig(config);
      const text = await edit(existing);
      if (text === existing?.text) return { config, changed: false, include };
      if (existing !== undefined && (existing.mode & 0o222) === 0) throw refused(config, 'it is read-only');
      try {
        const bytes = text === undefined ? undefined : Buffer.from(text, 'latin1');
        if (await replaceForeign(config, existing, bytes)) return { config, changed: true, include };
      } catch (error) {
        throw asConfigError(config, error);
      }
    }
  });
}

async function makeFolder(config: string): Promise<Made> {
  try {
    return (await mkdir(dirname(config), { recursive: true, mode: 0o700 })) === undefined ? 'file' : 'folder';
  } catch (error) {
    throw asConfigError(config, error);
  }
}

const refusals: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'it is on a read-only file system',
  ENOSPC: 'the disk is full',
};

function asConfigError(config: string, error: unknown): unknown {
  const reason = refusals[errorCodeOf(error) ?? ''];
  return reason === undefined ? error : refused(config, reason, error);
}

function refused(config: string, reason: string, cause?: unknown): SandboxError {
  return new SandboxError('ssh-config', `cannot change ${config}: ${reason}`, {
    hint: 'add the line yourself as its first one; heyvm ssh-config shows the file to include',
    cause,
  });
}

/** The folder holds something else by now, so it stays. */
function ignoreFilledFolder(error: unknown): void {
  if (!['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(errorCodeOf(error) ?? '')) throw error;
}
