// Runs the generated filter in a small interpreter: what is denied, what is allowed, and on which processor.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { deniedCalls, type FilterOptions, seccompFilter, setIdFilter } from './seccomp.ts';
import { type Arch, numberOf, type SyscallName, syscalls } from './syscalls.ts';

const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
const outcomes: Readonly<Record<number, string>> = {
  2147418112: 'allowed',
  2147483648: 'killed',
  327680: 'left out',
  327681: 'EPERM',
  327718: 'ENOSYS',
  327777: 'EAFNOSUPPORT',
};

describe('seccomp filter', () => {
  for (const arch of ['x64', 'arm64'] as const) {
    const options: FilterOptions = { arch, debugging: 'denied' };
    const call = (name: SyscallName, ...args: number[]): string => {
      const number = numberOf(name, arch);
      return number === undefined ? 'absent' : verdict(options, { number, args });
    };

    it(`denies what escapes are made of on ${arch}`, () => {
      assert.ok(deniedCalls.length > 50);
      const present = deniedCalls.filter(name => numberOf(name, arch) !== undefined);
      for (const name of present) assert.equal(call(name), 'EPERM', name);
    });

    it(`lets ordinary programs work on ${arch}`, () => {
      const denied = new Set<number>();
      const judged = new Set(Object.keys(syscalls).map(name => numberOf(name as SyscallName, arch)));
      for (let number = 0; number < 480; number += 1) {
        if (!judged.has(number) && verdict(options, { number, args: [] }) !== 'allowed') denied.add(number);
      }
      assert.deepEqual([...denied], []);
    });

    const table: readonly [SyscallName, readonly number[], string][] = [
      ['clone', [0x11], 'allowed'],
      ['clone', [0x3d0f00], 'allowed'],
      ['clone', [0x10000000], 'EPERM'],
      ['clone', [0x00020000 | 0x11], 'EPERM'],
      ['clone', [0x40000000], 'EPERM'],
      ['clone3', [], 'ENOSYS'],
      ['openat2', [], 'ENOSYS'],
      ['ioctl', [0, 0x5401], 'allowed'],
      ['ioctl', [0, 0x5413], 'allowed'],
      ['ioctl', [0, 0x5412], 'EPERM'],
      ['ioctl', [0, 0x541c], 'EPERM'],
      ['personality', [0], 'allowed'],
      ['personality', [0xffffffff], 'allowed'],
      ['personality', [0x0040000], 'EPERM'],
      ['socket', [1], 'allowed'],
      ['socket', [2], 'allowed'],
      ['socket', [10], 'allowed'],
      ['socket', [16], 'allowed'],
      ['socket', [17], 'EAFNOSUPPORT'],
      ['socket', [38], 'EAFNOSUPPORT'],
      ['socket', [40], 'EAFNOSUPPORT'],
      ['fchmodat', [0, 0, 0o755], 'allowed'],
      ['fchmodat', [0, 0, 0o4755], 'EPERM'],
      ['fchmodat2', [0, 0, 0o2755], 'EPERM'],
      ['fchmod', [0, 0o4755], 'EPERM'],
      ['openat', [0, 0, 0o100, 0o644], 'allowed'],
      ['openat', [0, 0, 0o100, 0o4644], 'EPERM'],
      ['openat', [0, 0, 0o20200000, 0o2644], 'EPERM'],
      ['openat', [0, 0, 0, 0o4644], 'allowed'],
      ['mknodat', [0, 0, 0o104755], 'EPERM'],
    ];
    it(`judges calls by their arguments on ${arch}`, () => {
      for (const [name, args, expected] of table) {
        assert.equal(
          call(name, ...args),
          expected,
          `${name}(${args.map(value => value.toString(16)).join(', ')})`,
        );
      }
    });

    it(`does not look at the half of an argument that the kernel ignores on ${arch}`, () => {
      const number = numberOf('ioctl', arch) ?? 0;
      assert.equal(verdict(options, { number, args: [0, 0x5412], high: 1 }), 'EPERM');
    });

    it(`kills a call of another processor on ${arch}`, () => {
      assert.equal(verdict(options, { number: 1, args: [], audit: 0x40000003 }), 'killed');
    });

    it(`allows debugging when it is asked for on ${arch}, and nothing more`, () => {
      const debugging: FilterOptions = { arch, debugging: 'allowed' };
      const of = (name: SyscallName, ...args: number[]): string =>
        verdict(debugging, { number: numberOf(name, arch) ?? 0, args });
      assert.deepEqual(
        [of('ptrace'), of('process_vm_readv'), of('personality', 0x0040000)],
        ['allowed', 'allowed', 'allowed'],
      );
      assert.deepEqual([of('mount'), of('bpf'), of('pidfd_getfd')], ['EPERM', 'EPERM', 'EPERM']);
    });
  }

  it('refuses the x32 calls of x86_64', () => {
    const options: FilterOptions = { arch: 'x64', debugging: 'denied' };
    assert.equal(verdict(options, { number: 0x40000000 + 165, args: [] }), 'EPERM');
    assert.equal(verdict(options, { number: 0x40000000, args: [] }), 'EPERM');
  });

  it('has the numbers of the kernel’s own headers', function () {
    const headers = {
      x64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
      arm64: '/usr/include/asm-generic/unistd.h',
    };
    let compared = 0;
    for (const [arch, path] of Object.entries(headers)) {
      if (!existsSync(path)) continue;
      const text = readFileSync(path, 'utf8');
      for (const name of Object.keys(syscalls) as SyscallName[]) {
        const found = new RegExp(`^#define __NR_${name}\\s+(\\d+)\\s*$`, 'm').exec(text);
        if (found === null) continue;
        assert.equal(numberOf(name, arch as Arch), Number(found[1]), `${name} on ${arch}`);
        compared += 1;
      }
    }
    if (compared > 0) return assert.ok(compared > 50);
    console.log('not run: no kernel headers are installed here to compare with');
    return this.skip();
  });
});

describe('filter of files that lend an identity', () => {
  const call = (name: SyscallName, ...args: number[]): string =>
    judged(setIdFilter('x64'), { number: numberOf(name, 'x64') ?? -1, args }, 'x64');

  it('denies to make one in any way', () => {
    for (const [bits, outcome] of [
      [0o4755, 'EPERM'],
      [0o6755, 'EPERM'],
      [0o2755, 'left out'],
    ] as const) {
      for (const name of ['chmod', 'fchmod'] as const) assert.equal(call(name, 0, bits), outcome);
      for (const name of ['fchmodat', 'fchmodat2'] as const) assert.equal(call(name, 0, 0, bits), outcome);
      assert.equal(call('mknodat', 0, 0, bits), 'EPERM');
      assert.equal(call('openat', 0, 0, 0o100, bits), 'EPERM');
    }
    assert.equal(call('openat2'), 'ENOSYS');
  });

  it('denies nothing else', () => {
    assert.equal(call('fchmodat', 0, 0, 0o1777), 'allowed');
    assert.equal(call('openat', 0, 0, 0o100, 0o644), 'allowed');
    for (const name of ['clone', 'ioctl', 'socket', 'mount', 'io_uring_setup'] as const)
      assert.equal(call(name, 0x10000000, 0x5412), 'allowed', name);
  });
});

type Call = { number: number; args: readonly number[]; audit?: number; high?: number };

function verdict(options: FilterOptions, call: Call): string {
  return judged(seccompFilter(options), call, options.arch);
}

function judged(filter: Uint8Array, call: Call, arch: Arch): string {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.audit ?? AUDIT[arch], true);
  for (const [index, value] of call.args.entries()) {
    data.setUint32(16 + 8 * index, value >>> 0, true);
    data.setUint32(20 + 8 * index, call.high ?? 0, true);
  }
  const result = interpret(filter, data);
  return outcomes[result] ?? result.toString(16);
}

function interpret(program: Uint8Array, data: DataView): number {
  const code = new DataView(program.buffer);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const value = code.getUint32(at + 4, true);
    const skip = (taken: boolean): void => {
      at += 8 * code.getUint8(at + (taken ? 2 : 3));
    };
    switch (code.getUint16(at, true)) {
      case 0x20:
        accumulator = data.getUint32(value, true);
        break;
      case 0x15:
        skip(accumulator === value);
        break;
      case 0x35:
        skip(accumulator >= value);
        break;
      case 0x45:
        skip((accumulator & value) !== 0);
        break;
      case 0x06:
        return value;
      default:
        throw new Error('an instruction that the filter does not use');
    }
  }
  throw new Error('the filter ends without a verdict');
}
