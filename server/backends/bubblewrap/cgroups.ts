// Control groups of both versions: where this process may make one, what it then bounds, and its removal.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Residue } from '../../core/backend.ts';
import { identify } from '../../platform/process.ts';
import type { Limits } from '../../protocol/sandbox.ts';
import { type Candidate, type Controller, candidatesOf, type Version } from './cgroupPaths.ts';

/** A folder of the control group file system in which guests get their groups. */
export type CgroupHome = {
  readonly version: Version;
  readonly folder: string;
  readonly controllers: readonly Controller[];
};

/** Tries for real, and leaves nothing; empty where the machine gives us no groups. */
export function findCgroupHomes(): readonly CgroupHome[] {
  const candidates = candidatesOf({
    own: readFileSync('/proc/self/cgroup', 'utf8'),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
  });
  const homes: CgroupHome[] = [];
  const settled = new Set<Controller>();
  for (const candidate of candidates) {
    const wanted = candidate.controllers.filter(controller => !settled.has(controller));
    const usable = wanted.length === 0 ? [] : usableControllers({ ...candidate, controllers: wanted });
    if (usable.length === 0) continue;
    for (const controller of usable) settled.add(controller);
    homes.push({ version: candidate.version, folder: candidate.folder, controllers: usable });
  }
  return homes;
}

/** The folders of one guest, one for each home that has something to bound. */
export function groupsFor(homes: readonly CgroupHome[], id: string, limits: Limits): readonly Group[] {
  return homes
    .map(home => ({ home, folder: join(home.folder, PARENT, id), settings: settingsOf(home, limits) }))
    .filter(({ settings }) => settings.length > 0);
}

export function makeGroups(groups: readonly Group[]): void {
  for (const { home, folder, settings } of groups) {
    makeGroup(home, folder);
    for (const { file, value, optional } of settings) {
      const path = join(folder, file);
      if (!optional || existsSync(path)) writeFileSync(path, value);
    }
  }
}

/** Kills what is left inside; the parent goes too when it was the last. */
export async function removeGroups(folders: readonly string[]): Promise<readonly Residue[]> {
  const residues: Residue[] = [];
  for (const folder of folders) {
    if (!(await removeGroup(folder))) residues.push({ what: 'a control group', path: folder });
  }
  return residues;
}

/** Removes empty groups of sandboxes that are gone; one with processes has an owner and is left alone. */
export function sweepGroups(homes: readonly CgroupHome[], living: ReadonlySet<string>): readonly Residue[] {
  const removed: Residue[] = [];
  for (const { folder } of homes) {
    const parent = join(folder, PARENT);
    for (const id of existsSync(parent) ? readdirSync(parent) : []) {
      const path = join(parent, id);
      if (!id.startsWith('sb-') || living.has(id) || isYoung(path)) continue;
      if (tryRemove(path) === 'removed') removed.push({ what: 'a control group', path });
    }
    tryRemove(parent);
    for (const trial of readdirSync(folder).filter(isStaleTrial)) tryRemove(join(folder, trial));
  }
  return removed;
}

export type Group = {
  readonly home: CgroupHome;
  readonly folder: string;
  readonly settings: readonly Setting[];
};

export type Setting = { readonly file: string; readonly value: string; readonly optional: boolean };

/** Pure: the files of one group and what is written to them, in the order in which the kernel takes them. */
export function settingsOf(
  home: Pick<CgroupHome, 'version' | 'controllers'>,
  limits: Limits,
): readonly Setting[] {
  const { memory, pids, cpus } = limits;
  const has = (controller: Controller): boolean => home.controllers.includes(controller);
  const settings: Setting[] = [];
  const set = (file: string, value: number | string, optional = false): void => {
    settings.push({ file, value: String(value), optional });
  };
  if (memory !== undefined && has('memory')) {
    if (home.version === 1) {
      set('memory.limit_in_bytes', memory);
      set('memory.memsw.limit_in_bytes', memory, true);
    } else {
      set('memory.max', memory);
      set('memory.swap.max', 0, true);
    }
  }
  if (pids !== undefined && has('pids')) set('pids.max', pids + OWN_TASKS);
  if (cpus !== undefined && has('cpu')) {
    const quota = Math.max(1_000, Math.round(cpus * CPU_PERIOD));
    if (home.version === 1) {
      set('cpu.cfs_period_us', CPU_PERIOD);
      set('cpu.cfs_quota_us', quota);
    } else {
      set('cpu.max', `${quota} ${CPU_PERIOD}`);
    }
  }
  return settings;
}

/** Tasks of heyvm that count as the guest's: bubblewrap's two and the guest program with its threads. */
export const OWN_TASKS = 8;

const PARENT = 'heyvm';
const CPU_PERIOD = 100_000;

/** A group is joined right after it is made; anything older and empty is a leftover. */
const YOUNG_MS = 60_000;

const telltale: Readonly<Record<Controller, Record<Version, string>>> = {
  memory: { 1: 'memory.limit_in_bytes', 2: 'memory.max' },
  pids: { 1: 'pids.max', 2: 'pids.max' },
  cpu: { 1: 'cpu.cfs_quota_us', 2: 'cpu.max' },
};

/** Makes a group for a moment and looks at which controllers it has. */
function usableControllers(candidate: Candidate): readonly Controller[] {
  const { folder, version, controllers } = candidate;
  const trial = join(folder, `${PARENT}-trial-${process.pid}`);
  try {
    if (version === 2) {
      accessSync(join(folder, 'cgroup.procs'), constants.W_OK);
      enable(folder, controllers);
    }
    mkdirSync(trial);
    try {
      return controllers.filter(controller => existsSync(join(trial, telltale[controller][version])));
    } finally {
      rmdirSync(trial);
    }
  } catch {
    // Not ours to write, busy, or read-only: whatever the reason, there is no group to be had here.
    return [];
  }
}

/** Left by a process that was killed in the middle of a trial. */
function isStaleTrial(name: string): boolean {
  const pid = new RegExp(`^${PARENT}-trial-(\\d+)$`).exec(name)?.[1];
  return pid !== undefined && identify(Number(pid)) === undefined;
}

function makeGroup(home: CgroupHome, folder: string): void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      mkdirSync(folder, { recursive: true });
      if (home.version === 2) enable(dirname(folder), home.controllers);
      return;
    } catch (error) {
      // Another sandbox that ends may have taken the parent away in between.
      if (attempt === 5) throw error;
    }
  }
}

function enable(folder: string, controllers: readonly Controller[]): void {
  const control = join(folder, 'cgroup.subtree_control');
  const enabled = readFileSync(control, 'utf8').split(/\s+/);
  for (const controller of controllers.filter(name => !enabled.includes(name))) {
    try {
      writeFileSync(control, `+${controller}`);
    } catch {
      // Not delegated, or processes stand in the way; the caller sees which controllers a group has.
    }
  }
}

async function removeGroup(folder: string): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const outcome = tryRemove(folder);
    if (outcome === 'removed') {
      tryRemove(dirname(folder));
      return true;
    }
    killAll(folder);
    await delay(10);
  }
  return false;
}

function tryRemove(folder: string): 'removed' | 'refused' {
  try {
    rmdirSync(folder);
    return 'removed';
  } catch {
    // Busy with processes or groups of its own; only absence counts as success.
    return existsSync(folder) ? 'refused' : 'removed';
  }
}

function killAll(folder: string): void {
  try {
    for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n')) {
      if (pid !== '') process.kill(Number(pid), 'SIGKILL');
    }
  } catch {
    // The group or the process is gone, which is what was wanted.
  }
}

function isYoung(folder: string): boolean {
  const made = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - made < YOUNG_MS;
}
