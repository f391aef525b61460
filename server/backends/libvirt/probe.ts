// Finds out whether machines can be made here, by asking libvirt about the very emulator that they would use.
import { accessSync, constants } from 'node:fs';
import type { MachineContext } from '../../core/backend.ts';
import { toSandboxError } from '../../core/errors.ts';
import { ensureFolder } from '../../platform/files.ts';
import type { Availability, Capabilities } from '../../protocol/backend.ts';
import { askKvm } from './accelerator.ts';
import { findQemu, tryEmulator, withEmulator } from './emulator.ts';
import { namesHost } from './far/address.ts';
import { isFar } from './far/host.ts';
import { probeFar } from './far/probe.ts';
import { isSystem, strangerReason, uriOf } from './host.ts';
import { type Options, parseOptions } from './options.ts';
import { libvirtAt } from './virsh.ts';

type Missing = Extract<Availability, { kind: 'missing' }>;

export async function probe(context: MachineContext, ceiling: Capabilities): Promise<Availability> {
  if (process.platform !== 'linux') return { kind: 'unsupported', why: 'machines need Linux' };
  try {
    return await asked(context, ceiling, parseOptions(context.options));
  } catch (error) {
    context.signal.throwIfAborted();
    const { message, hint } = toSandboxError(error);
    return { kind: 'missing', what: message, fix: hint ?? 'heyvm doctor shows what is missing' };
  }
}

async function asked(
  context: MachineContext,
  ceiling: Capabilities,
  options: Options,
): Promise<Availability> {
  const absent = missingAgent(context) ?? (await missingProgram(context, 'virsh'));
  if (absent !== undefined) return absent;
  const uri = uriOf(options);
  // QEMU on another host needs none here.
  const lacking = namesHost(uri) ? undefined : await missingHere(context);
  if (lacking !== undefined) return lacking;
  const libvirt = libvirtAt(uri, context);
  await libvirt.call(['version']);
  await ensureFolder(context.cache);
  if (await isFar(context, libvirt)) return await probeFar(context, ceiling, { libvirt, options });
  return (await missingHere(context)) ?? (await tried(context, ceiling, options));
}

async function tried(
  context: MachineContext,
  ceiling: Capabilities,
  options: Options,
): Promise<Availability> {
  const qemu = findQemu() ?? '';
  const uri = uriOf(options);
  const audience = isSystem(uri) ? 'system' : 'person';
  const { version, strange } = await withEmulator(context, qemu, audience, async emulator => ({
    version: await tryEmulator(context, emulator),
    strange: await strangerReason(libvirtAt(uri, context), emulator),
  }));
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

function missingAgent({ agent }: MachineContext): Missing | undefined {
  try {
    accessSync(agent, constants.X_OK);
    return undefined;
  } catch {
    // Absence and a missing permission are the same answer here.
    const what = `the guest program ${agent} is missing`;
    return { kind: 'missing', what, fix: 'install heyvm again, or build it with: npm run build' };
  }
}

const packages = {
  virsh: 'apt install libvirt-clients libvirt-daemon',
  'qemu-img': 'apt install qemu-utils',
} as const;

async function missingHere(context: MachineContext): Promise<Missing | undefined> {
  if (findQemu() === undefined) {
    return { kind: 'missing', what: 'QEMU is not installed', fix: 'apt install qemu-system-x86' };
  }
  return missingProgram(context, 'qemu-img');
}

async function missingProgram(
  { run, signal }: MachineContext,
  program: keyof typeof packages,
): Promise<Missing | undefined> {
  const asking = { signal, timeoutMs: 5_000, accept: 'any' } as const;
  const found = await run([program, '--version'], asking).catch(() => undefined);
  signal.throwIfAborted();
  if (found?.code === 0) return undefined;
  return { kind: 'missing', what: `the program ${program} is not installed`, fix: packages[program] };
}

function stranger(uri: string, said: string): Missing {
  const what = `libvirt at ${uri} cannot run programs of this machine, which machines with a shared workspace need: ${said}`;
  return { kind: 'missing', what, fix: 'use a libvirt of this machine, such as qemu:///session' };
}
