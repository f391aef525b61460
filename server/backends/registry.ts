// Every backend of this version: one import and one entry each.
import type { Backend } from '../core/backend.ts';
import { resolveBackend } from '../core/choose.ts';
import { bubblewrap } from './bubblewrap/index.ts';
import { docker } from './docker/index.ts';
import { libvirt } from './libvirt/index.ts';
import { wasip2 } from './wasip2/index.ts';
import { wasix } from './wasix/index.ts';

export const backends: readonly Backend[] = [bubblewrap, docker, libvirt, wasip2, wasix];

/** Fails with `backend-unknown` and what could have been meant. */
export function findBackend(idOrAlias: string): Backend {
  return resolveBackend(backends, idOrAlias);
}
