// Writes files into a project, and never over one that exists.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail } from '../core/errors.ts';
import type { PresetFile, ProjectPreset } from '../core/projectPreset.ts';

export function writeNew(folder: string, { path, content, kind }: PresetFile): string {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  // Also when somebody wrote it a moment ago, or put a link in its place.
  writeFileSync(target, content, { flag: 'wx', mode: kind === 'script' ? 0o755 : 0o644 });
  return target;
}

export function refuseExisting(folder: string, { files }: Pick<ProjectPreset, 'files'>): void {
  const there = files.map(({ path }) => join(folder, path)).find(path => existsSync(path));
  if (there === undefined) return;
  fail('worktree-conflict', `${there} exists already`, { hint: 'edit it, or move it away first' });
}
