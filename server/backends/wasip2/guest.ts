// A running guest: programs are processes of their own, and a server is one that stays.

import { rmSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { DriverContext, LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import type { Guest, GuestEnd, GuestProcess } from '../../core/guest.ts';
import { WORKSPACE } from '../../core/launch.ts';
import type { DialTarget, ExecRequest } from '../../protocol/exec.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import { GuestTree } from '../kit/guestTree.ts';
import { isLineShell, runLineShell } from '../kit/lineShell.ts';
import { serveSftp } from '../kit/sftpServer.ts';
import { processOf, startChild } from './child.ts';
import { findWasmtime, programPath } from './host.ts';
import { parseOptions } from './options.ts';
import { HOME, serverSocket, temporaryFolder } from './places.ts';
import { type Asked, environmentOf, type Host, planProcess, runOrders } from './plan.ts';
import { programOf, withProgram } from './programs.ts';
import { forgetRunning } from './running.ts';
import type { Server } from './server.ts';
import type { Ready, Shelf } from './shelf.ts';
import { planWasmtime } from './wasmtime.ts';

export type GuestParts = {
  readonly context: DriverContext;
  readonly request: LaunchRequest;
  readonly host: Host;
  readonly mounts: readonly Mount[];
  readonly shelf: Shelf;
  readonly server: Server | undefined;
};

export function makeGuest(parts: GuestParts): Guest {
  const { request, mounts, server } = parts;
  const tree = new GuestTree(mounts, treeOwner(parts));
  const running = new Set<GuestProcess>();
  const life = lifeOf(parts, running);
  const exec = async (asked: ExecRequest): Promise<GuestProcess> => {
    life.require();
    const child = isLineShell(asked.argv)
      ? runLineShell({
          request: asked,
          exec,
          programs: () => [programOf(request.image) ?? []].flat(),
          enter: (from, to) => folderOf(tree, from, to),
          env: environmentOf(request, {}),
        })
      : await startProgram(parts, tree, asked);
    running.add(child);
    void child.exited.then(() => running.delete(child));
    // The guest may have been stopped while the program was made ready.
    if (life.isOver()) await child.signal('KILL');
    return child;
  };
  return {
    exec,
    dial: async target => {
      life.require();
      return dial(server, target);
    },
    sftp: async () => {
      life.require();
      return serveSftp({ tree, start: WORKSPACE, home: HOME });
    },
    listeningPorts: async () => (server === undefined ? [] : [{ port: server.port, address: '127.0.0.1' }]),
    stop: life.stop,
    ended: life.ended,
  };
}

type Life = Pick<Guest, 'stop' | 'ended'> & { require(): void; isOver(): boolean };

function lifeOf(parts: GuestParts, running: ReadonlySet<GuestProcess>): Life {
  const { context, server } = parts;
  const over = Promise.withResolvers<GuestEnd>();
  let ending: Promise<GuestEnd> | undefined;
  const end = async (how: GuestEnd): Promise<GuestEnd> => {
    const last = [...running];
    for (const child of last) await child.signal('TERM');
    await Promise.all([server?.stop(), ...last.map(child => child.exited)]);
    rmSync(temporaryFolder(context.state), { recursive: true, force: true });
    rmSync(serverSocket(context.runtime), { force: true });
    await forgetRunning(context.state);
    over.resolve(how);
    return how;
  };
  void server?.given.then(reason => {
    ending ??= end({ kind: 'died', reason });
  });
  return {
    ended: over.promise,
    isOver: () => ending !== undefined,
    require: () => {
      if (ending === undefined) return;
      fail('not-running', 'the guest has ended', { hint: 'start it again with heyvm start' });
    },
    // Programs of WebAssembly have no say in it, so that none is ever forced.
    stop: () => {
      ending ??= end({ kind: 'stopped', forced: false });
      return ending;
    },
  };
}

async function startProgram(parts: GuestParts, tree: GuestTree, asked: ExecRequest): Promise<GuestProcess> {
  const { request, shelf, host } = parts;
  const [word = ''] = asked.argv;
  const cwd = folderOf(tree, WORKSPACE, asked.cwd ?? WORKSPACE);
  const ready = await withProgram({ image: request.image, tree }, { word, cwd }, async ({ file, name }) => {
    const found = await shelf.ensure(file, name);
    requireCommand(found, name);
    return found;
  });
  const plan: Asked = { host, request, mounts: parts.mounts, prepared: ready.folder };
  const { runtime, fuel } = parseOptions(request.options);
  const exec = { ...asked, cwd };
  if (runtime === 'wasmtime') {
    const program = findWasmtime() ?? fail('backend-missing', 'the program wasmtime is not installed');
    return processOf(startChild({ started: planWasmtime(plan, exec, { program, fuel }) }));
  }
  const started = planProcess(host, programPath('wasip2'), request.limits.memory);
  return processOf(startChild({ started, orders: runOrders(plan, exec) }));
}

function requireCommand({ world }: Ready, name: string): void {
  if (world === 'command') return;
  if (world === 'http') {
    fail('usage', `${name} handles HTTP requests and is no program`, {
      hint: 'make a sandbox of it: heyvm create --backend wasip2 --image ./server.wasm',
    });
  }
  fail('unsupported', `${name} exports neither wasi:cli/run nor wasi:http/incoming-handler of WASI 0.2`);
}

/** The full path of a folder. */
function folderOf(tree: GuestTree, from: string, to: string): string {
  const path = `/${[...(to.startsWith('/') ? [] : [from]), to].join('/')}`.replaceAll(/\/+/g, '/');
  try {
    const real = tree.realPath(path);
    if (tree.stat(real).isDirectory()) return real;
  } catch (error) {
    return fail('path-not-found', `there is no folder ${path} in the sandbox`, { cause: error });
  }
  return fail('path-not-found', `${path} is no folder`);
}

function dial(server: Server | undefined, target: DialTarget): Promise<Duplex> {
  if (target.kind === 'tcp' && server?.port === target.port) return server.connect();
  const what = target.kind === 'tcp' ? `port ${target.port}` : target.path;
  const where = server === undefined ? 'nothing listens inside' : `its server listens on port ${server.port}`;
  return fail('path-not-found', `nobody listens on ${what} of the sandbox`, { hint: where });
}

function treeOwner({ host, request }: GuestParts): LaunchRequest['owner'] | undefined {
  return host.uid === 0 && request.owner.uid !== 0 ? request.owner : undefined;
}
