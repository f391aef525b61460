// Everything that a component can ask of the world, and nothing that it was not given.
import { GuestTree } from '../../kit/guestTree.ts';
import { Descriptor, DirectoryEntryStream, filesystemErrorCode } from './descriptor.ts';
import { WasiError } from './errors.ts';
import { StandardInput } from './input.ts';
import { standing } from './openFile.ts';
import type { Surroundings } from './orders.ts';
import { cli, clocks, http, type Interface, io, random, sockets } from './shim.ts';
import { FileOutput } from './streams.ts';

export type Imports = Readonly<Record<string, Interface>>;

export type Ending = { exit(code: number): never };

export function importsFor(given: Surroundings, argv: readonly string[], ending: Ending): Imports {
  return {
    ...commandLine(given, argv, ending),
    ...files(given),
    ...network(given.network),
    'wasi:io/error': io.error,
    'wasi:io/poll': io.poll,
    'wasi:io/streams': io.streams,
    'wasi:clocks/monotonic-clock': clocks.monotonicClock,
    'wasi:clocks/wall-clock': clocks.wallClock,
    'wasi:random/random': random.random,
    'wasi:random/insecure': random.insecure,
    'wasi:random/insecure-seed': random.insecureSeed,
  };
}

function commandLine({ env, cwd }: Surroundings, argv: readonly string[], { exit }: Ending): Imports {
  const stdin = new StandardInput();
  const [stdout, stderr] = [1, 2].map(number => new FileOutput(standing(number), { kind: 'pipe' }));
  return {
    'wasi:cli/environment': {
      getEnvironment: () => env,
      getArguments: () => argv,
      initialCwd: () => cwd,
    },
    'wasi:cli/exit': {
      exit: ({ tag }: { readonly tag: 'ok' | 'err' }) => exit(tag === 'ok' ? 0 : 1),
      exitWithCode: exit,
    },
    'wasi:cli/stdin': { getStdin: () => stdin },
    'wasi:cli/stdout': { getStdout: () => stdout },
    'wasi:cli/stderr': { getStderr: () => stderr },
    // None of them is a terminal.
    'wasi:cli/terminal-input': cli.terminalInput,
    'wasi:cli/terminal-output': cli.terminalOutput,
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
  };
}

function files(given: Surroundings): Imports {
  const tree = new GuestTree(given.mounts, given.owner);
  const folders = foldersOf(given).map(
    ([name, path]) => [new Descriptor(tree, { kind: 'folder', path }), name] as const,
  );
  return {
    'wasi:filesystem/preopens': { getDirectories: () => [...folders] },
    'wasi:filesystem/types': { Descriptor, DirectoryEntryStream, filesystemErrorCode },
  };
}

/** The names by which a program finds its folders, and where they are in the guest. */
export function foldersOf({ mounts, cwd }: Surroundings): readonly (readonly [name: string, path: string])[] {
  const outer = mounts.filter(({ target }) => !mounts.some(other => target.startsWith(`${other.target}/`)));
  const roots = outer.map(({ target }) => [target, target] as const);
  // What a path means that begins with none of these names; many programs know no other current folder.
  return mounts.length === 0 ? [] : [...roots, ['.', cwd]];
}

function network(mode: Surroundings['network']): Imports {
  const made = sockets.createSockets({ enableNetwork: mode === 'open' });
  const refuse = (): never => {
    throw new WasiError({ tag: 'HTTP-request-denied' });
  };
  return {
    'wasi:sockets/instance-network': made.instanceNetwork,
    'wasi:sockets/network': made.network,
    'wasi:sockets/ip-name-lookup': made.ipNameLookup,
    'wasi:sockets/tcp': made.tcp,
    'wasi:sockets/tcp-create-socket': made.tcpCreateSocket,
    'wasi:sockets/udp': made.udp,
    'wasi:sockets/udp-create-socket': made.udpCreateSocket,
    'wasi:http/types': http.types,
    'wasi:http/outgoing-handler': mode === 'open' ? http.outgoingHandler : { handle: refuse },
  };
}

/** What a component may ask for; `importsFor` gives exactly these. */
export const providedInterfaces: readonly string[] = Object.keys(
  importsFor({ mounts: [], cwd: '/', env: [], network: 'none', prepared: '', watch: 'line' }, [], {
    exit: process.exit,
  }),
);
