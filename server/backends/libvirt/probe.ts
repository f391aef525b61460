// Finds out whether machines can be made here, by asking libvirt about the very emulator that they would use.
import { accessSync, constants } from 'node:fs';
import type { MachineContext } from '../../core/backend.ts';
import { toSandboxError } from '../../core/errors.ts';
import { ensureFolder } from '../../platform/files.ts';
import type { Availability, Capabilities } from '../../protocol/backend.ts';
import { askKvm } from './accelerator.ts';
import { findQemu, prepareEmulator, tryEmulator } from './emulator.ts';
import { isSystem, strangerReason, uriOf } from './host.ts';
import { type Options, parseOptions } from './options.ts';
import { libvirtAt } from './virsh.ts';

type Missing = Extract<Availability, { kind: 'missing' }>;

export async function probe(context: MachineContext, ceiling: Capabilities): Promise<Availability> {
  if (process.platform !== 'linux') return { kind: 'unsupported', why: 'machines need Linux' };
  const absent = await missingPrograms(context);
  if (absent !== undefined) return absent;
  const options = parseOptions(context.options);
  const reached = await reach(context, options);
  if (reached !== undefined) return reached;
  await ensureFolder(context.cache);
  try {
    return await tried(context, ceiling, options);
  } catch (error) {
    context.signal.throwIfAborted();
    const { message, hint } = toSandboxError(error);
    return { kind: 'missing', what: message, fix: hint ?? 'heyvm doctor shows what is missing' };
  }
}

async function tried(
  context: MachineContext,
  ceiling: Capabilities,
  options: Options,
): Promise<Availability> {
  const qemu = findQemu() ?? '';
  const uri = uriOf(options);
  const emulator = await prepareEmulator(context, qemu, isSystem(uri) ? 'system' : 'person');
  const version = await tryEmulator(context, emulator);
  const libvirt = libvirtAt(uri, context);
  const strange = await strangerReason(libvirt, emulator);
  if (strange !== undefined) return stranger(uri, strange);
  const holds: Capabilities =
    options.workspace === 'reverse-sftp' ? { ...ceiling, workspace: 'reverse-sftp' } : ceiling;
  const kvm = options.accelerator === 'tcg' ? undefined : await askKvm(context, qemu);
  if (kvm?.kind === 'works')
    return { kind: 'ready', version: `QEMU ${version}`, capabilities: holds, notes: [uri] };
  const why = kvm === undefined ? 'the settings ask for it' : `KVM does not work here: ${kvm.why}`;
  if (options.accelerator === 'kvm')
    return { kind: 'missing', what: why, fix: 'leave out the option accelerator' };
  return {
    kind: 'ready',
    version: `QEMU ${version}`,
    capabilities: { ...holds, emulated: true, caveats: [...ceiling.caveats, SLOW] },
    notes: [uri, `QEMU interprets the processor, which is ten times slower: ${why}`],
  };
}

const SLOW = 'Without KVM QEMU interprets the processor: programs inside are about ten times slower';

async function missingPrograms({ agent, run, signal }: MachineContext): Promise<Missing | undefined> {
  try {
    accessSync(agent, constants.X_OK);
  } catch {
    // Absence and a missing permission are the same answer here.
    const what = `the guest program ${agent} is missing`;
    return { kind: 'missing', what, fix: 'install heyvm again, or build it with: npm run build' };
  }
  if (findQemu() === undefined) {
    return { kind: 'missing', what: 'QEMU is not installed', fix: 'apt install qemu-system-x86' };
  }
  for (const [program, fix] of [
    ['virsh', 'apt install libvirt-clients libvirt-daemon'],
    ['qemu-img', 'apt install qemu-utils'],
  ] as const) {
    const found = await run([program, '--version'], { signal, timeoutMs: 5_000, accept: 'any' }).catch(
      () => undefined,
    );
    signal.throwIfAborted();
    if (found?.code !== 0) return { kind: 'missing', what: `the program ${program} is not installed`, fix };
  }
  return undefined;
}

async function reach(context: MachineContext, options: Options): Promise<Missing | undefined> {
  try {
    await libvirtAt(uriOf(options), context).call(['version']);
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    const { message, hint } = toSandboxError(error);
    return { kind: 'missing', what: message, fix: hint ?? 'heyvm doctor shows what is missing' };
  }
}

function stranger(uri: string, said: string): Missing {
  const what = `libvirt at ${uri} cannot run programs of this machine, which machines with a shared workspace need: ${said}`;
  return { kind: 'missing', what, fix: 'use a libvirt of this machine, such as qemu:///session' };
}
