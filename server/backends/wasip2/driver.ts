// Carries plans out: makes the folders of a sandbox, starts what its image serves, and clears up after it.
import { closeSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { Driver, DriverContext, LaunchRequest, Ref, Residue } from '../../core/backend.ts';
import { cautionsOf, gapsOf, refuseGaps } from '../../core/conform.ts';
import { fail } from '../../core/errors.ts';
import type { Guest } from '../../core/guest.ts';
import { ensureFolder, isPresent } from '../../platform/files.ts';
import { removeTree } from '../../platform/removeTree.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import { checkMounts } from '../kit/mounts.ts';
import { withRealPaths, workspaceOf, workspaceRef } from '../kit/workspace.ts';
import { makeGuest } from './guest.ts';
import { programPath, readHost, requirePrograms } from './host.ts';
import { manifest } from './manifest.ts';
import { parseOptions } from './options.ts';
import { homeFolder, mountsOf, serverSocket, temporaryFolder } from './places.ts';
import { type Host, planProcess, serveOrders } from './plan.ts';
import { probe } from './probe.ts';
import { openImage } from './programs.ts';
import { forgetRunning, isRunning, noteRunning } from './running.ts';
import { type Server, startServer } from './server.ts';
import { clearShelf, openShelf, type Ready, type Shelf } from './shelf.ts';

export const driver: Driver = {
  probe: context => probe(context, manifest.capabilities),
  create,
  open,
  async inspect({ state }) {
    if (await isRunning(state)) return 'running';
    return (await isPresent(homeFolder(state))) ? 'stopped' : 'gone';
  },
  destroy,
  async sweep({ cache }) {
    await clearShelf(cache, Date.now());
    return [];
  },
};

/** Those of this process, by their folders; what else runs ends with its owner. */
const guests = new Map<string, Guest>();

async function create({ state }: DriverContext, request: LaunchRequest): Promise<Ref> {
  await ensureFolder(state);
  await ensureFolder(homeFolder(state));
  return workspaceRef(request.workspace);
}

async function open(context: DriverContext, ref: Ref, asked: LaunchRequest): Promise<Guest> {
  const request = withRealPaths(asked, workspaceOf(ref));
  checkMounts(request.mounts);
  refuse(context, request);
  requirePrograms();
  context.signal.throwIfAborted();
  const host = readHost(context.agent);
  const shelf = openShelf(context, host);
  const mounts = mountsOf(request, context.state);
  await ensureFolder(context.runtime);
  await rm(temporaryFolder(context.state), { recursive: true, force: true });
  await mkdir(temporaryFolder(context.state), { mode: 0o700 });
  await noteRunning(context.state);
  try {
    const server = await serverFor({ context, request, host, mounts, shelf });
    const guest = makeGuest({ context, request, host, mounts, shelf, server });
    guests.set(context.state, guest);
    void guest.ended.then(() => guests.delete(context.state));
    return guest;
  } catch (error) {
    await forgetRunning(context.state);
    await rm(temporaryFolder(context.state), { recursive: true, force: true });
    throw error;
  }
}

async function destroy({ state }: DriverContext): Promise<readonly Residue[]> {
  await guests.get(state)?.stop({ graceMs: 0 });
  try {
    await removeTree(state);
    return [];
  } catch (error) {
    return [{ what: `files (${error instanceof Error ? error.message : String(error)})`, path: state }];
  }
}

function refuse({ log }: DriverContext, request: LaunchRequest): void {
  const { runtime, fuel } = parseOptions(request.options);
  if (fuel !== undefined && runtime !== 'wasmtime') {
    fail('policy-unenforceable', 'only wasmtime can count fuel', {
      hint: 'set backends.wasip2.runtime to wasmtime',
    });
  }
  const asked = { ...request, image: request.image?.name };
  // Asked before a start as well, but what a machine allows can change in between.
  refuseGaps(manifest.id, gapsOf(manifest.capabilities, asked));
  for (const caution of cautionsOf(manifest.capabilities, asked)) log(caution);
}

type Opening = {
  readonly context: DriverContext;
  readonly request: LaunchRequest;
  readonly host: Host;
  readonly mounts: readonly Mount[];
  readonly shelf: Shelf;
};

/** Made ready at the start, so that the first program need not wait for it, and whatever is wrong is known. */
async function serverFor(opening: Opening): Promise<Server | undefined> {
  const { context, request, host, mounts } = opening;
  const ready = await readyImage(opening);
  if (ready?.world !== 'http') return undefined;
  const { runtime, port = 8080 } = parseOptions(request.options);
  if (runtime === 'wasmtime') {
    return fail('policy-unenforceable', 'wasmtime serves only where everybody on this machine can ask', {
      hint: 'leave backends.wasip2.runtime out: Node serves inside the sandbox',
    });
  }
  context.progress({ phase: 'starting server' });
  const orders = serveOrders(
    { host, request, mounts, prepared: ready.folder },
    serverSocket(context.runtime),
  );
  const started = planProcess(host, programPath('wasip2'), request.limits.memory);
  return startServer({ started, orders, port, log: context.log, signal: context.signal });
}

async function readyImage({ context, request: { image }, shelf }: Opening): Promise<Ready | undefined> {
  if (image === undefined) return undefined;
  const { file, name } = openImage(image);
  context.progress({ phase: 'preparing component' });
  try {
    return await shelf.ensure(file, name);
  } finally {
    closeSync(file);
  }
}
