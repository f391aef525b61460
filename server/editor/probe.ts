// Asks a guest in one round trip about everything that the server of an editor needs.
import { SHARED_SERVERS } from '../core/launch.ts';
import { GuestFacts } from '../protocol/editorMethods.ts';
import { parse } from '../protocol/parse.ts';

/** For any POSIX shell, busybox included; what a guest cannot tell is left out. */
export const PROBE_SCRIPT = `
say() { printf '%s=%s\\n' "$1" "$2"; }
say arch "$(uname -m)"
say kernel "$(uname -r)"
for name in bash tar gzip; do
  if command -v "$name" >/dev/null 2>&1; then say program "$name"; fi
done
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || glibc=$(ldd --version 2>/dev/null | sed -n '1s/.* //p')
if [ -n "$glibc" ]; then say glibc "\${glibc#glibc }"; fi
for file in /lib/ld-musl-*.so.1; do
  if [ -e "$file" ]; then say musl "$("$file" 2>&1 | sed -n 's/^Version //p')"; fi
done
for file in /usr/lib/*-linux-*/libstdc++.so.6 /usr/lib64/libstdc++.so.6 /usr/lib/libstdc++.so.6 /lib64/libstdc++.so.6 /lib/libstdc++.so.6 /usr/local/lib/libstdc++.so.6; do
  if [ -e "$file" ]; then
    newest=$(grep -ao 'GLIBCXX_3\\.4\\.[0-9]*' "$file" 2>/dev/null | sort -t. -k3n | tail -n 1)
    say libstdcxx "\${newest#GLIBCXX_}"
    break
  fi
done
while read -r name amount _; do
  if [ "$name" = MemTotal: ]; then say memory_kib "$amount"; break; fi
done </proc/meminfo
if [ -r /sys/fs/cgroup/memory.max ]; then say memory_limit "$(cat /sys/fs/cgroup/memory.max)"; fi
set -- $(df -Pk "$HOME" 2>/dev/null | tail -n 1)
if [ $# -ge 4 ]; then say disk_kib "$4"; fi
file=$HOME/.heyvm-probe-$$
if printf '#!/bin/sh\\n' >"$file" 2>/dev/null; then
  chmod 700 "$file"
  if "$file" 2>/dev/null; then say home usable; else say home 'no programs'; fi
  rm -f "$file"
else
  say home read-only
fi
if [ -r /sys/class/net/lo/flags ]; then
  flags=$(cat /sys/class/net/lo/flags)
  if [ $((flags & 1)) = 1 ]; then say loopback up; else say loopback down; fi
elif grep -q '127\\.0\\.0\\.1' /proc/net/fib_trie 2>/dev/null; then
  say loopback up
fi
if [ -d ${SHARED_SERVERS} ]; then say shared yes; fi
`;

/** Undefined when what was said makes no sense, as where something else than a shell answered. */
export function readFacts(said: string): GuestFacts | undefined {
  const lines = said.split('\n').flatMap(line => {
    const [, name, value] = /^([a-z_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [{ name, value: value.trim() }];
  });
  const all = (name: string) => lines.filter(line => line.name === name).map(line => line.value);
  const one = (name: string) => all(name)[0];
  const facts = parse(GuestFacts, {
    arch: one('arch'),
    kernel: one('kernel'),
    libc: libcOf(one('glibc'), one('musl')),
    libstdcxx: one('libstdcxx'),
    programs: all('program'),
    memory_bytes: least(kib(one('memory_kib')), whole(one('memory_limit'))),
    disk_bytes: kib(one('disk_kib')),
    home: one('home'),
    loopback: one('loopback') ?? 'unknown',
    shared_servers: one('shared') === 'yes',
  });
  return facts.ok ? facts.value : undefined;
}

function libcOf(glibc: string | undefined, musl: string | undefined): GuestFacts['libc'] {
  const kind = glibc !== undefined ? 'glibc' : musl !== undefined ? 'musl' : undefined;
  const version = glibc ?? musl ?? '';
  return kind === undefined ? undefined : { kind, ...(version === '' ? {} : { version }) };
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function kib(text: string | undefined): number | undefined {
  const value = whole(text);
  return value === undefined ? undefined : value * 1024;
}

/** A group without a limit says `max`. */
function least(...values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter(value => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
