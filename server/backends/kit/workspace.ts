// Makes sure that a sandbox only ever opens the folder that it was made for, whatever links lead there today.
import { realpathSync } from 'node:fs';
import * as z from 'zod/mini';
import type { LaunchRequest, Ref } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { isAbsence } from '../../platform/files.ts';
import { parse } from '../../protocol/parse.ts';

/** What backends remember that keep nothing but folders: where the workspace really was when the sandbox was made. */
const WorkspaceRef = z.strictObject({ version: z.literal(1), workspace: z.string() });

export function workspaceRef(path: string): z.output<typeof WorkspaceRef> {
  return { version: 1, workspace: realWorkspace(path) };
}

export function workspaceOf(ref: Ref): string {
  const parsed = parse(WorkspaceRef, ref);
  if (parsed.ok) return parsed.value.workspace;
  return fail('record-broken', `the sandbox's record has an unknown reference: ${parsed.problem}`);
}

/** A workspace may be reached through links of the host, but only to where it was in the beginning. */
export function withRealPaths(request: LaunchRequest, before: string): LaunchRequest {
  const real = realWorkspace(request.workspace);
  if (real !== before) {
    fail('policy-refused', `${request.workspace} was ${before} and now leads to ${real}`, {
      hint: 'look at who changed it; a sandbox only opens the folder that it was made for',
    });
  }
  const move = (path: string): string => {
    const inside = path === request.workspace || path.startsWith(`${request.workspace}/`);
    return inside ? real + path.slice(request.workspace.length) : path;
  };
  return { ...request, mounts: request.mounts.map(mount => ({ ...mount, source: move(mount.source) })) };
}

/** Fails with `path-not-found` when it is gone. */
export function realWorkspace(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!isAbsence(error)) throw error;
    return fail('path-not-found', `the workspace ${path} does not exist`, {
      hint: 'bring it back, or remove the sandbox with heyvm rm',
    });
  }
}
