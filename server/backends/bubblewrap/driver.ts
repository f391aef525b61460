// Carries plans out: makes the folders of a sandbox, starts bubblewrap, and clears up after it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Driver, DriverContext, LaunchRequest, Ref, Residue } from '../../core/backend.ts';
import { cautionsOf, gapsOf, refuseGaps } from '../../core/conform.ts';
import { fail } from '../../core/errors.ts';
import type { Guest } from '../../core/guest.ts';
import { ensureFolder, isPresent } from '../../platform/files.ts';
import { isSame } from '../../platform/process.ts';
import { ensureHome, makeEmpty } from '../kit/home.ts';
import { checkMounts } from '../kit/mounts.ts';
import { withRealPaths, workspaceOf, workspaceRef } from '../kit/workspace.ts';
import {
  type CgroupHome,
  findCgroupHomes,
  groupsFor,
  makeGroups,
  removeGroups,
  sweepGroups,
} from './cgroups.ts';
import { prepareDevices } from './devices.ts';
import { homeSkeleton } from './etc.ts';
import { makeGuest } from './guest.ts';
import { manifest } from './manifest.ts';
import { endOrphans } from './orphans.ts';
import { etcSource, homeFolder, type PlanInput, planLaunch, type RuntimeFolder } from './plan.ts';
import { probe, resourcesOf } from './probe.ts';
import { removeTree } from './removeTree.ts';
import { forgetRunning, hasEnded, killAndWait, readRunning, writeRunning } from './running.ts';
import { findRuntime } from './runtimes.ts';
import { findProgram, readHost } from './system.ts';

export const driver: Driver = {
  probe: context => probe(context, manifest.capabilities),
  create,
  open,
  async inspect({ state }) {
    const running = await readRunning(state);
    if (running?.init !== undefined && isSame(running.init)) return 'running';
    return (await isPresent(homeFolder(state))) ? 'stopped' : 'gone';
  },
  destroy,
  sweep: async (_context, living) => [...(await endOrphans()), ...sweepGroups(findCgroupHomes(), living)],
};

async function create({ state }: DriverContext, request: LaunchRequest): Promise<Ref> {
  await ensureHome(homeFolder(state), fresh => {
    makeEmpty(fresh);
    for (const { path, content } of homeSkeleton) writeFileSync(join(fresh, path), content, { mode: 0o644 });
  });
  return workspaceRef(request.workspace);
}

async function open(context: DriverContext, ref: Ref, asked: LaunchRequest): Promise<Guest> {
  const request = withRealPaths(asked, workspaceOf(ref));
  checkMounts(request.mounts);
  await clearEarlierRun(context);
  const homes = needsGroups(request) ? findCgroupHomes() : [];
  // The copy goes on by itself while the host is looked at, and has ended whatever that finds.
  const [copied, looked] = await Promise.allSettled([
    prepareDevices(context.state, process.getuid?.() ?? 0),
    hostFor(context, request, homes),
  ]);
  if (looked.status === 'rejected') throw looked.reason;
  if (copied.status === 'rejected') throw copied.reason;
  const [host, devices] = [looked.value, copied.value];
  const groups = groupsFor(homes, request.id, request.limits);
  const cgroups = groups.map(({ folder }) => folder);
  const socket = join(context.runtime, 'guest');
  // Before there is anything, so that whoever comes after a sudden end knows what to look for.
  await writeRunning(context.state, { cgroups, socket });
  try {
    makeGroups(groups);
    if (host.uid === 0 && devices === 'shared')
      context.log('the guest can change the permissions of /dev/null');
    const input: PlanInput = {
      ...{ request, host, state: context.state, socket, cgroups, devices },
      rlimits: limitsWithoutGroup(request, homes),
    };
    const plan = planLaunch(input);
    await ensureFolder(context.runtime);
    writeEtc(context.state, plan.files);
    return await makeGuest({ plan, context, cgroups, socket });
  } catch (error) {
    await removeGroups(cgroups);
    await forgetRunning(context.state);
    throw error;
  }
}

async function destroy(context: DriverContext): Promise<readonly Residue[]> {
  const residues: Residue[] = [];
  const running = await readRunning(context.state);
  if (running !== undefined) {
    if (running.init !== undefined && !(await killAndWait(running.init))) {
      residues.push({ what: 'a process that does not end', path: `/proc/${running.init.pid}` });
    }
    residues.push(...(await removeGroups(running.cgroups)));
    residues.push(...(await removeTree(running.socket)));
  }
  residues.push(...(await removeTree(context.state)));
  return residues;
}

/** Two guests of one sandbox would share its home; the owner's lease forbids it, and this is the second lock. */
async function clearEarlierRun({ state }: DriverContext): Promise<void> {
  const running = await readRunning(state);
  if (running === undefined) return;
  if (running.init !== undefined && isSame(running.init)) {
    // Its owner has ended, or it would hold the lease, so that the kernel is about to end this one as well.
    if (!(await hasEnded(running.init))) {
      fail('busy', `a guest of this sandbox still runs as process ${running.init.pid}`, {
        hint: 'stop it with heyvm stop',
      });
    }
  }
  await removeGroups(running.cgroups);
  await forgetRunning(state);
}

async function hostFor(context: DriverContext, request: LaunchRequest, homes: readonly CgroupHome[]) {
  const bwrap = findProgram('bwrap');
  if (bwrap === undefined) {
    return fail('backend-missing', 'the program bwrap is not installed', { hint: 'apt install bubblewrap' });
  }
  const runtimeFolders = await runtimeFoldersFor(context, request);
  const host = readHost({ bwrap, agent: context.agent, runtimeFolders });
  if (host === undefined) return fail('backend-missing', `bubblewrap guests do not run on ${process.arch}`);
  const { kernel } = host;
  const capabilities = {
    ...manifest.capabilities,
    resources: resourcesOf({ homes, uid: host.uid, kernel }),
  };
  const asked = { ...request, image: request.image?.name };
  // Asked before a start as well, but what a machine allows can change in between.
  refuseGaps(manifest.id, gapsOf(capabilities, asked));
  for (const caution of cautionsOf(capabilities, asked)) context.log(caution);
  return host;
}

async function runtimeFoldersFor(
  { run, signal }: DriverContext,
  { runtime }: LaunchRequest,
): Promise<RuntimeFolder[]> {
  const place = await findRuntime(runtime, run, signal);
  if (place.kind === 'folder') return [{ name: place.name, prefix: place.prefix }];
  if (place.kind === 'system') return [];
  return fail('runtime-missing', `the ${runtime} runtime is not on this machine`, {
    hint: `install it, for example with: apt install ${runtime === 'python' ? 'python3' : 'nodejs'}`,
  });
}

function needsGroups({ limits }: LaunchRequest): boolean {
  return limits.cpus !== undefined || limits.memory !== undefined || limits.pids !== undefined;
}

function limitsWithoutGroup({ limits }: LaunchRequest, homes: readonly CgroupHome[]): PlanInput['rlimits'] {
  const bounded = (controller: 'memory' | 'pids'): boolean =>
    homes.some(home => home.controllers.includes(controller));
  return {
    ...(limits.memory === undefined || bounded('memory') ? {} : { memory: limits.memory }),
    ...(limits.pids === undefined || bounded('pids') ? {} : { pids: limits.pids }),
  };
}

function writeEtc(state: string, files: readonly { path: string; content: string }[]): void {
  mkdirSync(join(state, 'etc'), { recursive: true, mode: 0o700 });
  for (const { path, content } of files) writeFileSync(etcSource(state, path), content, { mode: 0o644 });
}
