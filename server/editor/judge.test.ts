// What guests lack for the server of an editor, as tables.
import { strict as assert } from 'node:assert';
import type { GuestFacts } from '../protocol/editorMethods.ts';
import { gapsOf } from './judge.ts';
import { MIB } from './needs.ts';
import { readFacts } from './probe.ts';

const good: GuestFacts = {
  arch: 'x86_64',
  kernel: '6.1.0-9-amd64',
  libc: { kind: 'glibc', version: '2.36' },
  libstdcxx: '3.4.30',
  programs: ['bash', 'tar', 'gzip'],
  memory_bytes: 4096 * MIB,
  disk_bytes: 4096 * MIB,
  home: 'usable',
  loopback: 'up',
  shared_servers: false,
};

describe('what the server of an editor would miss', () => {
  it('is nothing in an everyday guest', () => assert.deepEqual(gapsOf(good), []));

  const musl = { kind: 'musl', version: '1.2.5' } as const;
  const fine: Readonly<Record<string, GuestFacts>> = {
    'a musl system with libstdc++, whose version is not asked for': { ...good, libc: musl, libstdcxx: '' },
    'the very least of everything': {
      ...good,
      ...{ kernel: '4.18', libc: { kind: 'glibc', version: '2.28' }, libstdcxx: '3.4.25', arch: 'armv7l' },
    },
    'a guest that does not tell its memory': { ...good, memory_bytes: undefined, loopback: 'unknown' },
  };
  for (const [name, facts] of Object.entries(fine))
    it(`is nothing in ${name}`, () => assert.deepEqual(gapsOf(facts), []));

  const table: readonly (readonly [string, Partial<GuestFacts>, 'error' | 'warning', RegExp])[] = [
    ['arch', { arch: 'riscv64' }, 'error', /no server for riscv64/],
    ['kernel', { kernel: '3.10.0-1160.el7' }, 'error', /3\.10\.0-1160\.el7, and the server needs 4\.18/],
    ['libc', { libc: { kind: 'glibc', version: '2.17' } }, 'error', /glibc is 2\.17/],
    ['libc', { libc: { kind: 'musl', version: '1.1.24' } }, 'error', /musl is 1\.1\.24/],
    ['libc', { libc: undefined }, 'error', /neither glibc nor musl/],
    ['libstdc++', { libstdcxx: undefined }, 'error', /missing/],
    ['libstdc++', { libstdcxx: '3.4.19' }, 'error', /GLIBCXX_3\.4\.19/],
    ['bash', { programs: ['tar', 'gzip'] }, 'error', /bash is missing/],
    ['tar', { programs: ['bash', 'gzip'] }, 'error', /tar is missing/],
    ['home', { home: 'no programs' }, 'error', /noexec/],
    ['home', { home: 'read-only' }, 'error', /cannot be written/],
    ['loopback', { loopback: 'down' }, 'error', /loopback is down/],
    ['memory', { memory_bytes: 512 * MIB }, 'error', /512 MiB of memory; 1024 are needed/],
    ['memory', { memory_bytes: 1536 * MIB }, 'warning', /2048 are recommended/],
    ['disk', { disk_bytes: 100 * MIB }, 'warning', /100 MiB are free/],
  ];
  for (const [id, facts, state, words] of table) {
    it(`${id}: ${JSON.stringify(facts)}`, () => {
      const [gap, ...rest] = gapsOf({ ...good, ...facts });
      assert.deepEqual([gap?.id, gap?.state, rest], [id, state, []]);
      assert.match(gap?.detail ?? '', words);
      assert.ok(gap?.fix !== '' && gap?.source !== '');
    });
  }

  it('names what keeps it from starting before what is only little', () => {
    const gaps = gapsOf({ ...good, memory_bytes: 1536 * MIB, loopback: 'down', disk_bytes: 0 });
    assert.deepEqual(
      gaps.map(({ id }) => id),
      ['loopback', 'memory', 'disk'],
    );
  });
});

describe('what a guest says about itself', () => {
  it('is read line by line, and the smaller of memory and its limit counts', () => {
    const said = `arch=aarch64\nkernel=6.6.1\nprogram=tar\nprogram=bash\nmusl=1.2.5\nlibstdcxx=\nmemory_kib=2048\nmemory_limit=1048576\ndisk_kib=10\nhome=usable\nshared=yes\n`;
    assert.deepEqual(readFacts(said), {
      ...{ arch: 'aarch64', kernel: '6.6.1', libc: { kind: 'musl', version: '1.2.5' }, libstdcxx: '' },
      ...{ programs: ['tar', 'bash'], memory_bytes: 1_048_576, disk_bytes: 10_240, home: 'usable' },
      ...{ loopback: 'unknown', shared_servers: true },
    });
  });

  it('counts for nothing when it makes no sense', () => {
    assert.equal(readFacts('hello\n'), undefined);
    assert.equal(readFacts('arch=x86_64\nkernel=6\nhome=somewhere\n'), undefined);
  });

  it('leaves a group without a limit to the memory of the machine', () => {
    const facts = readFacts('arch=x86_64\nkernel=6\nhome=usable\nmemory_kib=1\nmemory_limit=max\n');
    assert.equal(facts?.memory_bytes, 1024);
  });
});
