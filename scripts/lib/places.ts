// The folders that the scripts work in.
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export const root = dirname(dirname(import.meta.dirname));

/** What is worth keeping between runs and clones; outside the tree, so that a clean checkout stays clean. */
export const cache =
  process.env['HEYVM_DEV_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'heyvm');

export const dist = join(root, 'dist');

/** Screenshots, logs, reports and packages; ignored by git. */
export const artifacts = join(root, 'artifacts');

export const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
