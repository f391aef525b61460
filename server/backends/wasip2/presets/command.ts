// A program in C.
import type { ProjectPreset } from '../../../core/projectPreset.ts';

const source = String.raw`#include <stdio.h>

int main(int count, char **words) {
  printf("hello, %s\n", count > 1 ? words[1] : "world");
  return 0;
}
`;

const build = `#!/bin/sh
# Compiles hello.c with clang for WebAssembly. WASI_SYSROOT says where wasi-libc is, when that is not /usr.
set -eu
cd "$(dirname "$0")"
sysroot=\${WASI_SYSROOT:-/usr}
missing() {
  echo "$1 is missing. On Debian and Ubuntu: apt install clang lld wasi-libc 'libclang-rt-*-dev-wasm32'" >&2
  exit 1
}
command -v clang >/dev/null || missing clang
command -v wasm-ld >/dev/null || missing wasm-ld
[ -e "$sysroot/include/wasm32-wasi/stdio.h" ] || missing "wasi-libc below $sysroot"
[ -e "$(clang --target=wasm32-wasi --rtlib=compiler-rt -print-libgcc-file-name)" ] ||
  missing "what clang links into every module"
mkdir -p build
clang --target=wasm32-wasi --sysroot="$sysroot" -O2 -Wall -o build/hello.wasm hello.c
echo "made build/hello.wasm"
`;

const sandbox = `# What heyvm up starts. Build first: ./build.sh
backend: wasip2
runtime: wasm

# A program by its path in the project, and its arguments; what it says is in heyvm logs. There is no shell inside.
command: [./build/hello.wasm, sandbox]

# What programs inside may reach: none or open.
# network: none

# env:
#   NAME: value

# limits: { memory: 256m, wall: 1h }
`;

export const command: ProjectPreset = {
  name: 'wasm-command',
  about: 'a program in C for WebAssembly',
  signs: [],
  files: [
    { path: 'hello.c', content: source },
    { path: 'build.sh', content: build, kind: 'script' },
    { path: '.gitignore', content: 'build/\n' },
    { path: '.heyvm/sandbox.yaml', content: sandbox },
  ],
  first: './build.sh',
};
