// Generates the seccomp filter of a guest as classic BPF: what no development tool needs and escapes are made of.
import { type Arch, numberOf, type SyscallName, syscalls } from './syscalls.ts';

export type FilterOptions = {
  readonly arch: Arch;
  /** `allowed` lets debuggers attach to processes of the guest. */
  readonly debugging: 'denied' | 'allowed';
};

/** Judged by their arguments, or answered as if the kernel did not have them. */
const partlyDenied: readonly SyscallName[] = [
  ...(['clone', 'clone3', 'ioctl', 'personality', 'socket', 'openat2'] as const),
  ...(['chmod', 'fchmod', 'fchmodat', 'fchmodat2', 'open', 'openat', 'creat', 'mknod', 'mknodat'] as const),
];

/** The bytes that `bwrap --seccomp` reads. */
export function seccompFilter(options: FilterOptions): Uint8Array {
  return encode([...archCheck(options.arch), ...rulesFor(options), returns(ALLOW)]);
}

/**
 * For what runs outside of a guest and makes files in its name: only those that lend somebody's identity are denied.
 * The bit of the group is left out without a word, because the 9p file system asks for it with every folder that is
 * made in one that has it; there the kernel has passed it on already.
 */
export function setIdFilter(arch: Arch): Uint8Array {
  const rules = [...chmodRules(arch, leaveOutGroup), ...creationRules(arch)];
  return encode([...archCheck(arch), ...rules, returns(ALLOW)]);
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jumpTrue, jumpFalse, value }] of program.entries()) {
    const at = index * INSTRUCTION_SIZE;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jumpTrue);
    view.setUint8(at + 3, jumpFalse);
    view.setUint32(at + 4, value >>> 0, true);
  }
  return bytes;
}

export function isKnownArch(arch: string): arch is Arch {
  return arch in auditArch;
}

/** Answered with `operation not permitted`, as a kernel without the privilege would. */
export const deniedCalls: readonly SyscallName[] = (Object.keys(syscalls) as SyscallName[]).filter(
  name => !partlyDenied.includes(name),
);

/** What a debugger needs of the denied ones. */
export const debuggingCalls: readonly SyscallName[] = ['ptrace', 'process_vm_readv', 'process_vm_writev'];

type Instruction = { code: number; jumpTrue: number; jumpFalse: number; value: number };

const INSTRUCTION_SIZE = 8;

// Offsets in struct seccomp_data; arguments are 64 bits wide, low half first on both processors.
const NUMBER_OFFSET = 0;
const ARCH_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;

const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_NOT_LESS = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;
/** Answered as done, without doing it. */
const DONE = ERRNO;
const EPERM = ERRNO | 1;
const ENOSYS = ERRNO | 38;
const EAFNOSUPPORT = ERRNO | 97;

const auditArch: Readonly<Record<Arch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** On x86_64, the calls of the x32 interface have this bit and would slip past every number below. */
const X32_BIT = 0x40000000;

// NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
const NAMESPACE_FLAGS = 0x7e020000;

/** TIOCSTI types into the terminal of somebody else, TIOCLINUX pastes into a console. */
const deniedIoctls = [0x5412, 0x541c];

/** PER_LINUX and PER_LINUX32, each with UNAME26 or without, and asking without changing. */
const harmlessPersonalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const ADDR_NO_RANDOMIZE = 0x0040000;

/** UNIX, INET, INET6 and NETLINK. Others, as VSOCK, are not divided by network namespaces or are rarely tended. */
const allowedSocketFamilies = [1, 2, 10, 16];

/** S_ISUID and S_ISGID: such a file in a shared folder would lend its owner's identity to everybody on the host. */
const SET_ID_BITS = 0o6000;
const SET_USER_BIT = 0o4000;

/** O_CREAT and O_TMPFILE: only with these does opening a file look at the mode. */
const CREATING_FLAGS = 0o100 | 0o20000000;

function archCheck(arch: Arch): Instruction[] {
  const check = [
    load(ARCH_OFFSET),
    jump(JUMP_EQUAL, auditArch[arch], { onTrue: 1, onFalse: 0 }),
    returns(KILL_PROCESS),
    load(NUMBER_OFFSET),
  ];
  if (arch !== 'x64') return check;
  return [...check, jump(JUMP_NOT_LESS, X32_BIT, { onTrue: 0, onFalse: 1 }), returns(EPERM)];
}

function rulesFor({ arch, debugging }: FilterOptions): Instruction[] {
  const lifted = debugging === 'allowed' ? debuggingCalls : [];
  const personalities =
    debugging === 'allowed' ? [...harmlessPersonalities, ADDR_NO_RANDOMIZE] : harmlessPersonalities;
  return [
    ...deniedCalls
      .filter(name => !lifted.includes(name))
      .flatMap(name => forCall(name, arch, [returns(EPERM)])),
    // Its flags are behind a pointer that a filter cannot follow; C libraries fall back to clone.
    ...forCall('clone3', arch, [returns(ENOSYS)]),
    ...forCall('clone', arch, denyBits(0, NAMESPACE_FLAGS)),
    ...forCall('ioctl', arch, denyValues(1, deniedIoctls)),
    ...forCall('personality', arch, allowValues(0, personalities, EPERM)),
    ...forCall('socket', arch, allowValues(0, allowedSocketFamilies, EAFNOSUPPORT)),
    ...setIdRules(arch),
  ];
}

function setIdRules(arch: Arch): Instruction[] {
  return [...chmodRules(arch, mode => denyBits(mode, SET_ID_BITS)), ...creationRules(arch)];
}

function chmodRules(arch: Arch, judge: (modeArgument: number) => Instruction[]): Instruction[] {
  return [
    ...forCall('chmod', arch, judge(1)),
    ...forCall('fchmod', arch, judge(1)),
    ...forCall('fchmodat', arch, judge(2)),
    ...forCall('fchmodat2', arch, judge(2)),
  ];
}

function leaveOutGroup(modeArgument: number): Instruction[] {
  return [
    loadArgument(modeArgument),
    jump(JUMP_ANY_BIT, SET_USER_BIT, { onTrue: 0, onFalse: 1 }),
    returns(EPERM),
    jump(JUMP_ANY_BIT, SET_ID_BITS, { onTrue: 0, onFalse: 1 }),
    returns(DONE),
    returns(ALLOW),
  ];
}

function creationRules(arch: Arch): Instruction[] {
  return [
    ...forCall('creat', arch, denyBits(1, SET_ID_BITS)),
    ...forCall('mknod', arch, denyBits(1, SET_ID_BITS)),
    ...forCall('mknodat', arch, denyBits(2, SET_ID_BITS)),
    ...forCall(
      'open',
      arch,
      denyBitsWhen({ argument: 1, mask: CREATING_FLAGS }, { argument: 2, mask: SET_ID_BITS }),
    ),
    ...forCall(
      'openat',
      arch,
      denyBitsWhen({ argument: 2, mask: CREATING_FLAGS }, { argument: 3, mask: SET_ID_BITS }),
    ),
    // Its mode is behind a pointer, as with clone3.
    ...forCall('openat2', arch, [returns(ENOSYS)]),
  ];
}

/** The body ends in a return on every way through it, for the accumulator no longer holds the number. */
function forCall(name: SyscallName, arch: Arch, body: readonly Instruction[]): Instruction[] {
  const number = numberOf(name, arch);
  if (number === undefined) return [];
  return [jump(JUMP_EQUAL, number, { onTrue: 0, onFalse: body.length }), ...body];
}

// The kernel reads these arguments as 32 bits, so that the high half must not take part in the comparison.

function denyBits(argument: number, mask: number): Instruction[] {
  return [
    loadArgument(argument),
    jump(JUMP_ANY_BIT, mask, { onTrue: 0, onFalse: 1 }),
    returns(EPERM),
    returns(ALLOW),
  ];
}

type Bits = { readonly argument: number; readonly mask: number };

function denyBitsWhen(condition: Bits, denied: Bits): Instruction[] {
  return [
    loadArgument(condition.argument),
    jump(JUMP_ANY_BIT, condition.mask, { onTrue: 1, onFalse: 0 }),
    returns(ALLOW),
    ...denyBits(denied.argument, denied.mask),
  ];
}

function denyValues(argument: number, values: readonly number[]): Instruction[] {
  return [loadArgument(argument), ...values.flatMap(value => ifEqual(value, EPERM)), returns(ALLOW)];
}

function allowValues(argument: number, values: readonly number[], otherwise: number): Instruction[] {
  return [loadArgument(argument), ...values.flatMap(value => ifEqual(value, ALLOW)), returns(otherwise)];
}

function ifEqual(value: number, outcome: number): Instruction[] {
  return [jump(JUMP_EQUAL, value, { onTrue: 0, onFalse: 1 }), returns(outcome)];
}

function loadArgument(index: number): Instruction {
  return load(ARGUMENTS_OFFSET + 8 * index);
}

function load(offset: number): Instruction {
  return { code: LOAD_WORD, jumpTrue: 0, jumpFalse: 0, value: offset };
}

function returns(value: number): Instruction {
  return { code: RETURN, jumpTrue: 0, jumpFalse: 0, value };
}

function jump(code: number, value: number, skip: { onTrue: number; onFalse: number }): Instruction {
  return { code, jumpTrue: skip.onTrue, jumpFalse: skip.onFalse, value };
}
