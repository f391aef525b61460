// Starts a machine that is off: hardware, shared folders and identity, with a second attempt where the first got stuck.
import { appendFile, rm } from 'node:fs/promises';
import type { DriverContext, LaunchRequest } from '../../core/backend.ts';
import { SandboxError } from '../../core/errors.ts';
import type { StoredImage } from '../../core/image.ts';
import { ensureFolder, writeAtomic } from '../../platform/files.ts';
import type { WorkspaceMode } from '../../protocol/sandbox.ts';
import { setIdFilter } from '../kit/seccomp.ts';
import { awaitReady } from './boot.ts';
import { type Condition, forceOff } from './condition.ts';
import { ensureDisk, growDisk } from './disk.ts';
import { type Machine, renderDomain } from './domain.ts';
import { readHost } from './host.ts';
import type { Line } from './line.ts';
import { type Options, parseOptions, TEMPLATES_BYTES } from './options.ts';
import type { Places } from './places.ts';
import { type MachinePlan, planMachine } from './plan.ts';
import type { MachineRecord } from './record.ts';
import { hostKeyOf, writeSeed } from './seed.ts';
import { momentOf } from './snapshots.ts';
import { bootReason, isNew, markBegun, takePending } from './templates/eligible.ts';
import { resumeCopy } from './templates/fork.ts';
import { startInstantly } from './templates/index.ts';
import { memoryArguments } from './templates/memory.ts';
import type { Resumed } from './templates/moment.ts';
import type { Libvirt } from './virsh.ts';
import { showWorkspace } from './workspace.ts';

export type Starting = {
  readonly context: DriverContext;
  readonly request: LaunchRequest;
  readonly record: MachineRecord;
  readonly image: StoredImage;
  readonly libvirt: Libvirt;
  readonly places: Places;
  readonly found: Condition;
};

export type Started = { readonly line: Line; readonly workspace: WorkspaceMode | undefined };

/** Resolves when programs can be run; on any failure nothing of it runs. */
export async function startMachine(starting: Starting): Promise<Started> {
  const { context, request, record, image, libvirt, places } = starting;
  context.progress({ phase: 'preparing the machine' });
  await ensureFolder(context.state);
  await ensureFolder(context.runtime);
  const versions = versionsSoon(starting);
  const host = await readHost(context, libvirt, {
    owner: request.owner,
    options: parseOptions(request.options),
    user: { name: record.name, state: context.state },
  });
  const plan = planMachine({
    request,
    record,
    image,
    places,
    storeId: context.storeId,
    state: context.state,
    host,
    hostKey: await hostKeyOf(image, places),
  });
  await writeStage(places, plan);
  if (plan.machine.seed !== undefined) await writeSeed(context, places, request.name);
  return bringUp(starting, plan, parseOptions(request.options), async () => {
    const resumed = await resumeNew(starting, plan, versions);
    return resumed ?? { line: await startOwn(starting, plan) };
  });
}

type Begun = { readonly line: Line; readonly settled?: Promise<void> };

/** From the beginning of a machine to one whose programs see the workspace. */
export async function bringUp(
  { context, request, record, image, libvirt, places }: Starting,
  plan: MachinePlan,
  options: Pick<Options, 'workspace'>,
  begin: () => Promise<Begun>,
): Promise<Started> {
  let line: Line | undefined;
  try {
    const begun = await begin();
    line = begun.line;
    context.progress({ phase: 'setting up' });
    const showing = { context, line, places, owner: request.owner };
    const [workspace] = await Promise.all([showWorkspace(showing, plan.setup, options), begun.settled]);
    return { line, workspace };
  } catch (error) {
    line?.close();
    await forceOff(libvirt, record.name);
    throw withAdvice(error, image);
  }
}

/** A kernel may have neither of what a shared folder needs. */
function withAdvice(error: unknown, { name }: StoredImage): unknown {
  if (!(error instanceof SandboxError) || error.code !== 'unsupported') return error;
  return new SandboxError(error.code, `${name}: ${error.message}`, {
    hint: 'choose an image whose kernel has 9p or FUSE, or make one with heyvm images bootstrap',
    cause: error,
  });
}

export async function writeStage(places: Places, plan: MachinePlan): Promise<void> {
  await ensureFolder(places.stage);
  // Made here, it is ours to read even where a libvirt of the system writes it.
  await appendFile(places.console, '', { mode: 0o600 });
  // A file that a guest marks would lend its owner's identity to everybody on the host.
  await writeAtomic(places.stageFilter, setIdFilter('x64'), { durability: 'quick' });
  const plans = [
    [places.stagePlan, plan.stage],
    [places.sharePlan, plan.served],
  ] as const;
  for (const [place, content] of plans) {
    await writeAtomic(place, `${JSON.stringify(content)}\n`, { durability: 'quick' });
  }
}

/** Asked before it is known whether somebody needs the answer, because most new machines do. */
function versionsSoon({ context, request, libvirt }: Starting): Promise<string> {
  const needed = isNew(context.state) && request.from === undefined && !request.cold;
  const versions = needed ? libvirt.call(['version']) : Promise.resolve('');
  // Whoever waits for it hears of it.
  versions.catch(() => undefined);
  return versions;
}

/** Undefined when it has to boot. */
async function resumeNew(
  starting: Starting,
  plan: MachinePlan,
  versions: Promise<string>,
): Promise<Resumed | undefined> {
  const { context, request, record, image, libvirt } = starting;
  const { machine } = plan;
  const digest = record.image.digest;
  const copied = isNew(context.state) ? momentOf(request) : undefined;
  const moment = (await takePending(context.state)) ?? copied;
  const why = bootReason({ request, image, machine, uri: libvirt.uri, digest, state: context.state });
  await markBegun(context.state);
  const description = await writeDescription(starting, machine);
  if (moment !== undefined && !request.cold) {
    context.progress({ phase: 'resuming' });
    const patienceMs = patienceFor(machine);
    return resumeCopy({ context, libvirt, machine, description, moment, patienceMs });
  }
  if (why !== undefined) {
    context.log(`it boots: ${why}`);
    return undefined;
  }
  context.progress({ phase: 'resuming' });
  const instant = await startInstantly({
    ...{ context, libvirt, machine, image, versions, description, diskBytes: plan.diskBytes },
    limitBytes: parseOptions(context.options).templates_bytes ?? TEMPLATES_BYTES,
    patienceMs: patienceFor(machine),
  });
  if (instant.kind === 'running') return instant;
  context.log(`it boots: ${instant.why}`);
  return undefined;
}

async function startOwn(starting: Starting, plan: MachinePlan): Promise<Line> {
  await writeDisk(starting, plan);
  return bootTwice(starting, plan.machine, (machine, how) => bootOnce(starting, machine, how));
}

async function writeDisk({ context, image, places }: Starting, plan: MachinePlan): Promise<void> {
  await ensureDisk(context, places.disk, image);
  if (plan.diskBytes !== undefined) await growDisk(context, places.disk, plan.diskBytes);
}

async function isSaved(libvirt: Libvirt, name: string): Promise<boolean> {
  const listed = await libvirt.call(['list', '--all', '--name', '--with-managed-save']);
  return listed.split('\n').some(line => line.trim() === name);
}

const PATIENCE_MS = { kvm: 60_000, tcg: 180_000 } as const;

export type BootOnce = (machine: Machine, how: 'boot' | 'resume') => Promise<Line>;

/** Machines without KVM now and then stand still while they boot, and hardware that looks usable may not be. */
export async function bootTwice(starting: Starting, machine: Machine, boot: BootOnce): Promise<Line> {
  const { context, libvirt, record, found } = starting;
  const saved = found.kind === 'off' && (await isSaved(libvirt, record.name));
  const how = saved ? 'resume' : 'boot';
  try {
    return await boot(machine, how);
  } catch (error) {
    const stuck = error instanceof SandboxError && error.code === 'guest-failed';
    if (!stuck || context.signal.aborted || parseOptions(context.options).accelerator === 'kvm') throw error;
    context.log(`the first attempt failed: ${error.message}`);
    await forceOff(libvirt, record.name);
    // What was saved has been used up by the attempt, or cannot be read.
    if (how === 'resume') await libvirt.attempt(['managedsave-remove', record.name]);
    context.progress({ phase: 'booting', detail: 'once more, without KVM' });
    return boot({ ...machine, accelerator: 'tcg' }, 'boot');
  }
}

async function bootOnce(starting: Starting, machine: Machine, how: 'boot' | 'resume'): Promise<Line> {
  const { context, libvirt, record, places } = starting;
  // A socket that nobody listens on would be connected to for a moment.
  await rm(places.port, { force: true });
  context.progress({ phase: how === 'resume' ? 'resuming' : 'booting' });
  if (how === 'resume') {
    await libvirt.call(['start', record.name]);
  } else {
    const description = await writeDescription(starting, machine);
    await libvirt.call(['define', description], ['start', record.name]);
  }
  return awaitReady({
    ...{ context, libvirt, name: record.name, places },
    patienceMs: patienceFor(machine),
  });
}

/** A system of a vendor's does more at its first boot, and is better waited for than interrupted. */
export function patienceFor({ accelerator, boot }: Machine): number {
  return PATIENCE_MS[accelerator] * (boot.kind === 'firmware' ? 2 : 1);
}

/** Of the machine as it boots, also where it is resumed the first time. */
async function writeDescription({ places }: Starting, machine: Machine): Promise<string> {
  const description = `${places.record}.xml`;
  const qemuArguments = memoryArguments({ kind: 'own' }, machine.memoryMiB);
  await writeAtomic(description, renderDomain({ ...machine, qemuArguments }), { durability: 'quick' });
  return description;
}
