// What the server of VS Code needs of a Linux guest, as data, and who says so.

const LINUX = 'https://code.visualstudio.com/docs/remote/linux (VS Code 1.99 and later)';
const SSH = 'https://code.visualstudio.com/docs/remote/ssh (system requirements)';
const PREREQUISITES = 'the check that the command line of VS Code makes before it starts its server';
const MEASURED = 'measured: a server of 1.139 with its data, unpacked';

export const MIB = 1024 * 1024;

export const needs = {
  architectures: { names: ['x86_64', 'aarch64', 'armv7l'], source: LINUX },
  kernel: { least: '4.18', source: LINUX },
  glibc: { least: '2.28', source: LINUX },
  musl: { least: '1.2.3', source: PREREQUISITES },
  /** The newest GLIBCXX symbol of the library. */
  libstdcxx: { least: '3.4.25', source: LINUX },
  programs: { names: ['bash', 'tar', 'gzip'], source: LINUX },
  memory: { leastBytes: 1024 * MIB, goodBytes: 2048 * MIB, source: SSH },
  disk: { leastBytes: 600 * MIB, source: MEASURED },
  loopback: { source: 'the extensions for ssh reach the server at 127.0.0.1 of the guest' },
  home: { source: 'the server is kept and run below the home of the user' },
} as const;

/** Compares numbers between dots; what follows them, such as `-amd64`, does not count. */
export function isOlder(version: string, least: string): boolean {
  const [left, right] = [version, least].map(text =>
    (/^\d+(\.\d+)*/.exec(text)?.[0] ?? '0').split('.').map(Number),
  );
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
