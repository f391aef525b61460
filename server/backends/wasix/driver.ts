// Carries plans out: makes the folders of a sandbox, starts the process of its guest, and clears up after it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Driver, DriverContext, LaunchRequest, Ref, Residue } from '../../core/backend.ts';
import { cautionsOf, gapsOf, refuseGaps } from '../../core/conform.ts';
import { fail } from '../../core/errors.ts';
import type { Guest } from '../../core/guest.ts';
import { ensureFolder, isPresent } from '../../platform/files.ts';
import { isSame } from '../../platform/process.ts';
import { removeTree } from '../../platform/removeTree.ts';
import { ensureHome, makeEmpty } from '../kit/home.ts';
import { checkMounts } from '../kit/mounts.ts';
import { withRealPaths, workspaceOf, workspaceRef } from '../kit/workspace.ts';
import { startGuest } from './guest.ts';
import { manifest } from './manifest.ts';
import { homeFolder, planGuest, temporaryFolder } from './plan.ts';
import { probe } from './probe.ts';
import { forgetRunning, killAndWait, readRunning } from './running.ts';

export const driver: Driver = {
  probe: context => probe(context, manifest.capabilities),
  create,
  open,
  async inspect({ state }) {
    const running = await readRunning(state);
    if (running !== undefined && isSame(running)) return 'running';
    return (await isPresent(homeFolder(state))) ? 'stopped' : 'gone';
  },
  destroy,
  // A process ends with its owner, and everything else is in the sandbox's own folder.
  sweep: async () => [],
};

async function create({ state }: DriverContext, request: LaunchRequest): Promise<Ref> {
  await ensureHome(homeFolder(state), makeEmpty);
  return workspaceRef(request.workspace);
}

async function open(context: DriverContext, ref: Ref, asked: LaunchRequest): Promise<Guest> {
  const { signal, state } = context;
  signal.throwIfAborted();
  const request = withRealPaths(asked, workspaceOf(ref));
  checkMounts(request.mounts);
  const wanted = { ...request, image: request.image?.name };
  // Asked before a start as well, but what a machine allows can change in between.
  refuseGaps(manifest.id, gapsOf(manifest.capabilities, wanted));
  for (const caution of cautionsOf(manifest.capabilities, wanted)) context.log(caution);
  await endEarlierRun(state);
  const temporary = temporaryFolder(state);
  await removeTree(temporary);
  mkdirSync(temporary, { mode: 0o700 });
  await Promise.all([ensureFolder(context.runtime), ensureFolder(context.cache)]);
  const socket = join(context.runtime, 'guest');
  return startGuest(planGuest(request, { state, socket, cache: context.cache }), context, request.limits);
}

/** Two guests of one sandbox would share its home; the owner's lease forbids it, and this is the second lock. */
async function endEarlierRun(state: string): Promise<void> {
  const running = await readRunning(state);
  if (running === undefined) return;
  if (!(await killAndWait(running))) {
    fail('busy', `a guest of this sandbox still runs as process ${running.pid}`, {
      hint: 'stop it with heyvm stop',
    });
  }
  await forgetRunning(state);
}

async function destroy({ state, runtime }: DriverContext): Promise<readonly Residue[]> {
  const residues: Residue[] = [];
  const running = await readRunning(state);
  if (running !== undefined && !(await killAndWait(running)))
    residues.push({ what: 'a process that does not end', path: `process ${running.pid}` });
  for (const path of [join(runtime, 'guest'), state]) {
    try {
      await removeTree(path);
    } catch (error) {
      residues.push({ what: `files (${error instanceof Error ? error.message : String(error)})`, path });
    }
  }
  return residues;
}
