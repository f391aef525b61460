// The client's side of a throwaway: it lasts as long as the work on it, and nothing of it is left when that is done.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, toSandboxError } from '../core/errors.ts';
import type { ExitStatus } from '../protocol/exec.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import { readEntry } from '../store/sandboxes.ts';
import { connectOwner, type OwnerConnection } from './connect.ts';
import { waitForOwner } from './stop.ts';

export type ThrowawayGuest = {
  readonly guest: OwnerConnection['guest'];
  /** Throws when a program ended only because its sandbox did. */
  refuseLost(status: ExitStatus): Promise<void>;
};

export type Throwaway = {
  readonly paths: Paths;
  readonly id: string;
  /** For what its owner had to leave. */
  readonly remove: () => Promise<void>;
};

/** An owner that ends its guest by force and removes its files may have much to remove. */
const PATIENCE_MS = 60_000;

/** How long the news that a guest died may come after the end of its programs. */
const NEWS_MS = 1_000;

export async function useThrowaway<T>(
  { paths, id, remove }: Throwaway,
  work: (inside: ThrowawayGuest) => Promise<T>,
): Promise<T> {
  const entry = await readEntry(paths, id);
  const { owner } = entry ?? {};
  if (entry === undefined || owner === undefined) return fail('not-running', 'the sandbox has just ended');
  const connection = connectOwner(entry);
  const hold = await connection.hold();
  try {
    return await work({
      guest: connection.guest,
      refuseLost: async status => {
        if (await wasLost(paths, id, { status, ended: hold.ended })) refuseLost();
      },
    });
  } finally {
    hold.dispose();
    connection.close();
    const { signal } = new AbortController();
    await waitForOwner(owner, PATIENCE_MS, signal);
    if (existsSync(sandboxPaths(paths, id).folder)) await removed(remove);
  }
}

/** Somebody else may take it away at the same time. */
async function removed(remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (toSandboxError(error).code !== 'sandbox-not-found') throw error;
  }
}

type End = { readonly status: ExitStatus; readonly ended: Promise<void> };

/** HUP and KILL are what programs get when their guest goes; an end on purpose is written down before. */
async function wasLost(paths: Paths, id: string, { status, ended }: End): Promise<boolean> {
  if (status.kind !== 'signalled' || (status.signal !== 'HUP' && status.signal !== 'KILL')) return false;
  const entry = await readEntry(paths, id);
  if (entry?.owner?.state !== 'running') return true;
  const news = new AbortController();
  const late = delay(NEWS_MS, false, { signal: news.signal }).catch(() => false);
  const lost = await Promise.race([ended.then(() => true), late]);
  news.abort();
  return lost;
}

function refuseLost(): never {
  fail('guest-failed', 'the sandbox ended before its program did', {
    hint: 'it may have reached a limit, or somebody stopped it',
  });
}
