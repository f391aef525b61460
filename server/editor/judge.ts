// What a guest lacks for the server of an editor, from what it said about itself.
import type { EditorGap, GuestFacts } from '../protocol/editorMethods.ts';
import { isOlder, MIB, needs } from './needs.ts';

/** The gravest first; none means that the server can start. */
export function gapsOf(facts: GuestFacts): readonly EditorGap[] {
  const gaps = [
    archGap(facts),
    kernelGap(facts),
    libcGap(facts),
    libraryGap(facts),
    ...programGaps(facts),
    homeGap(facts),
    loopbackGap(facts),
    memoryGap(facts),
    diskGap(facts),
  ].filter(gap => gap !== undefined);
  return [...gaps.filter(gap => gap.state === 'error'), ...gaps.filter(gap => gap.state === 'warning')];
}

/** A guest in which no shell can be asked anything. */
export const noShell: EditorGap = {
  id: 'shell',
  state: 'error',
  detail: 'there is no system inside that could run the server of an editor',
  fix: 'choose a backend that runs whole systems; heyvm backends lists them',
  source: needs.programs.source,
};

function archGap({ arch }: GuestFacts): EditorGap | undefined {
  const { names, source } = needs.architectures;
  if (names.some(name => name === arch)) return undefined;
  const fix = `use an image for ${names.join(', ')}`;
  return { id: 'arch', state: 'error', detail: `there is no server for ${arch}`, fix, source };
}

function kernelGap({ kernel }: GuestFacts): EditorGap | undefined {
  const { least, source } = needs.kernel;
  if (!isOlder(kernel, least)) return undefined;
  const detail = `its kernel is ${kernel}, and the server needs ${least}`;
  return { id: 'kernel', state: 'error', detail, fix: 'use an image with a newer kernel', source };
}

function libcGap({ libc }: GuestFacts): EditorGap | undefined {
  const image = 'use an image of a newer system, such as debian:12';
  if (libc === undefined) {
    const detail = 'it has neither glibc nor musl';
    return { id: 'libc', state: 'error', detail, fix: image, source: needs.glibc.source };
  }
  const { least, source } = needs[libc.kind];
  if (libc.version === undefined || !isOlder(libc.version, least)) return undefined;
  const detail = `its ${libc.kind} is ${libc.version}, and the server needs ${least}`;
  return { id: 'libc', state: 'error', detail, fix: image, source };
}

/** The server for musl is linked with whatever version is there. */
function libraryGap({ libc, libstdcxx }: GuestFacts): EditorGap | undefined {
  const { least, source } = needs.libstdcxx;
  const install =
    libc?.kind === 'musl'
      ? 'install it in the image: apk add libstdc++ libgcc bash'
      : 'install it in the image: apt-get install libstdc++6, or libstdc++ elsewhere';
  if (libstdcxx === undefined)
    return { id: 'libstdc++', state: 'error', detail: 'libstdc++ is missing', fix: install, source };
  if (libc?.kind === 'musl' || libstdcxx === '' || !isOlder(libstdcxx, least)) return undefined;
  const detail = `its libstdc++ has GLIBCXX_${libstdcxx}, and the server needs GLIBCXX_${least}`;
  return { id: 'libstdc++', state: 'error', detail, fix: 'use an image of a newer system', source };
}

function programGaps({ programs }: GuestFacts): readonly EditorGap[] {
  const { names, source } = needs.programs;
  return names
    .filter(name => !programs.includes(name))
    .map(name => ({
      id: name,
      state: 'error' as const,
      detail: `${name} is missing`,
      fix: `install ${name} in the image`,
      source,
    }));
}

function homeGap({ home }: GuestFacts): EditorGap | undefined {
  if (home === 'usable') return undefined;
  const detail =
    home === 'read-only' ? 'its home cannot be written to' : 'programs in its home cannot be run (noexec)';
  const fix = 'use an image or a mount that leaves the home writable and executable';
  return { id: 'home', state: 'error', detail, fix, source: needs.home.source };
}

function loopbackGap({ loopback }: GuestFacts): EditorGap | undefined {
  if (loopback !== 'down') return undefined;
  const fix = 'bring it up in the image: ip link set lo up';
  return {
    id: 'loopback',
    state: 'error',
    detail: 'its loopback is down',
    fix,
    source: needs.loopback.source,
  };
}

function memoryGap({ memory_bytes: bytes }: GuestFacts): EditorGap | undefined {
  const { leastBytes, goodBytes, source } = needs.memory;
  if (bytes === undefined || bytes >= goodBytes) return undefined;
  const few = bytes < leastBytes;
  const detail = `it has ${Math.floor(bytes / MIB)} MiB of memory; ${few ? `${leastBytes / MIB} are needed` : `${goodBytes / MIB} are recommended`}`;
  const fix = 'give it more: heyvm resize <sandbox> --memory 2g';
  return { id: 'memory', state: few ? 'error' : 'warning', detail, fix, source };
}

/** What is shown from the cache takes no space, so that little is no reason to refuse. */
function diskGap({ disk_bytes: bytes }: GuestFacts): EditorGap | undefined {
  const { leastBytes, source } = needs.disk;
  if (bytes === undefined || bytes >= leastBytes) return undefined;
  const detail = `${Math.floor(bytes / MIB)} MiB are free in its home; the server takes up to ${leastBytes / MIB}`;
  return { id: 'disk', state: 'warning', detail, fix: 'free some space, or give it a larger disk', source };
}
