// The workspace file by which a window on a worktree knows its sandbox; the extension completes it when it arrives.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROFILE_TITLE } from '../../extension/names.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';

/** `storage` is a folder of the editor's in which extensions have folders of their own. */
export function writeWindowFile(storage: string, sandbox: SandboxInfo): string {
  const folder = join(storage, 'heyvm.heyvm', 'windows');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${sandbox.name}.code-workspace`);
  const path = sandbox.worktree?.path ?? sandbox.workspace.path;
  const settings = {
    'terminal.integrated.defaultProfile.linux': PROFILE_TITLE,
    'git.enabled': false,
    'git.autoRepositoryDetection': false,
  };
  const folders = [{ name: sandbox.worktree?.branch ?? sandbox.name, path }];
  writeFileSync(file, `${JSON.stringify({ folders, settings }, null, 2)}\n`);
  return file;
}
