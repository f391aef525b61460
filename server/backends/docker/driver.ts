// Carries plans out: gets the image, makes and starts the container, finds it again, and clears up after it.
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Condition, Driver, DriverContext, LaunchRequest, Ref, Residue } from '../../core/backend.ts';
import { cautionsOf, gapsOf, refuseGaps } from '../../core/conform.ts';
import { fail } from '../../core/errors.ts';
import type { Guest } from '../../core/guest.ts';
import { userOf } from '../../core/launch.ts';
import { discover, knownSockets, surroundings } from '../../engine/discover.ts';
import { type Engine, engineAt, patience } from '../../engine/engine.ts';
import { ensureFolder } from '../../platform/files.ts';
import { removeTree } from '../../platform/removeTree.ts';
import { checkMounts } from '../kit/mounts.ts';
import { realWorkspace, withRealPaths } from '../kit/workspace.ts';
import type { Image } from './answers.ts';
import {
  inspectContainer,
  killContainer,
  obtainContainer,
  removeContainer,
  startContainer,
} from './containers.ts';
import { writeEtc } from './etc.ts';
import { type Facts, factsOf } from './facts.ts';
import { makeGuest } from './guest.ts';
import { ensureHome, exists, homeFolder } from './home.ts';
import { accountsFor, identityOf } from './identity.ts';
import { ensureImage, imageOf } from './image.ts';
import { freshInfo, infoOf } from './known.ts';
import { manifest } from './manifest.ts';
import { containerName } from './marks.ts';
import { refuseSockets } from './mounts.ts';
import { parseOptions } from './options.ts';
import { pausing } from './pausing.ts';
import { type Plan, planContainer } from './plan.ts';
import { probe } from './probe.ts';
import { engineOf, engineWords, recall, recallOrFail, remember } from './remembered.ts';
import { dropAllOf, snapshotFrom, snapshots } from './snapshots.ts';
import { sweep } from './sweep.ts';
import { traitsOf } from './traits.ts';

export const driver: Driver = {
  probe: context => probe(context, manifest.capabilities),
  create,
  open,
  inspect,
  halt,
  destroy,
  sweep,
  pausing,
  snapshots,
};

async function create(context: DriverContext, request: LaunchRequest): Promise<Ref> {
  const known = await recall(context, {});
  if (known !== undefined && (await exists(homeFolder(context.state)))) return { ...known };
  const workspace = realWorkspace(request.workspace);
  const from = request.from === undefined ? undefined : snapshotFrom(request.from);
  const address =
    from === undefined
      ? discover(parseOptions(request.options).connect, surroundings()).address
      : engineOf(from);
  const engine = engineAt(address, context.signal);
  const image = from?.base ?? (await obtainImage(context, engine, request)).Id;
  await ensureFolder(context.state);
  const ref = await remember(context, {
    version: 1,
    ...engineWords(address),
    container: containerName({ store: context.storeId, sandbox: request.id }),
    sandbox: request.id,
    image,
    workspace,
  });
  await ensureHome(context, request.owner, from?.home);
  return ref;
}

async function open(context: DriverContext, ref: Ref, asked: LaunchRequest): Promise<Guest> {
  const known = await recallOrFail(context, ref);
  const engine = engineAt(engineOf(known));
  context.signal.throwIfAborted();
  const [running, image] = await Promise.all([
    inspectContainer(engine, known.container),
    imageOf(engine, known.image),
  ]);
  // What runs is attached to as it is: nothing that could have changed since its start takes part in it.
  if (running?.State.Running === true) return attach(context, engine, running.Id);
  const request = withRealPaths(asked, known.workspace);
  const plan = await planFor({ context, engine, request, image });
  const obtained = await obtainContainer(engine, known.container, plan);
  try {
    context.signal.throwIfAborted();
    context.progress({ phase: 'starting container' });
    if (obtained.kind === 'found') return await attach(context, engine, obtained.id);
    return await makeGuest({
      engine,
      id: obtained.id,
      context,
      started: startContainer(engine, obtained.id),
    });
  } catch (error) {
    if (obtained.kind === 'made') await giveUp(context, engine, obtained.id);
    throw error;
  }
}

function attach(context: DriverContext, engine: Engine, id: string): Promise<Guest> {
  return makeGuest({ engine, id, context, started: Promise.resolve() });
}

/** The reason for giving up is told, and not what got in the way of clearing up, which a sweep does again. */
async function giveUp({ log }: DriverContext, { address }: Engine, id: string): Promise<void> {
  try {
    await removeContainer(engineAt(address, patience()), id);
  } catch (error) {
    log(`cannot remove the container: ${error instanceof Error ? error.message : String(error)}`);
  }
}

type Opening = {
  readonly context: DriverContext;
  readonly engine: Engine;
  readonly request: LaunchRequest;
  /** It may have been removed since the sandbox was made, and is then fetched again. */
  readonly image: Image | undefined;
};

async function planFor({ context, engine, request, image: present }: Opening): Promise<Plan> {
  checkMounts(request.mounts);
  await refuseEngines(engine, request);
  const [info, image] = await Promise.all([
    limited(request) ? freshInfo(engine, context.cache) : infoOf(engine, context.cache),
    present ?? obtainImage(context, engine, request),
  ]);
  const traits = traitsOf(info);
  const capabilities = { ...manifest.capabilities, resources: traits.resources };
  // Asked before a start as well, but what an engine allows can change in between.
  refuseGaps(manifest.id, gapsOf(capabilities, { ...request, image: undefined }));
  for (const caution of cautionsOf(capabilities, { ...request, image: undefined })) context.log(caution);
  const facts = await factsOf({ engine, cache: context.cache, store: context.storeId }, image);
  refuseRuntime(request, facts);
  const identity = identityOf(request.owner, traits, process.getuid?.() ?? 0);
  return planContainer({
    ...{ request, facts, identity },
    mark: { store: context.storeId, sandbox: request.id, state: context.state },
    image: image.Id,
    agent: await realpath(context.agent),
    places: writeEtc(
      context.state,
      request,
      accountsFor(facts, identity, { ...userOf(request), shell: facts.shell }),
    ),
  });
}

function limited({ limits, options }: LaunchRequest): boolean {
  const { cpus, memory, pids } = limits;
  return [cpus, memory, pids, parseOptions(options).runtime].some(asked => asked !== undefined);
}

function obtainImage(context: DriverContext, engine: Engine, { image }: LaunchRequest): Promise<Image> {
  const { storeId: store, signal, progress, run } = context;
  const wanted = image ?? { kind: 'reference', name: manifest.defaultImage ?? 'debian:12' };
  return ensureImage({ engine, store, signal, progress, credentials: { run, signal } }, wanted);
}

function refuseRuntime({ runtime, image }: LaunchRequest, { runtimes }: Facts): void {
  if (runtimes.includes(runtime)) return;
  fail('runtime-missing', `the image ${image?.name ?? manifest.defaultImage} has no ${runtime}`, {
    hint: `choose an image that has it, such as --image ${runtime === 'node' ? 'node:24' : 'python:3'}`,
  });
}

async function refuseEngines({ address }: Engine, { mounts }: LaunchRequest): Promise<void> {
  const own = address.kind === 'unix' ? [address.path] : [];
  const named = [...own, ...knownSockets(surroundings()), '/run/containerd/containerd.sock'];
  const real = await Promise.all(named.map(path => realpath(path).catch(() => path)));
  refuseSockets(mounts, [...new Set([...named, ...real])]);
}

async function inspect(context: DriverContext, ref: Ref): Promise<Condition> {
  const known = await recall(context, ref);
  if (known === undefined) return 'gone';
  const container = await inspectContainer(engineAt(engineOf(known), patience()), known.container);
  if (container?.State.Paused === true) return 'paused';
  if (container?.State.Running === true) return 'running';
  return (await exists(homeFolder(context.state))) ? 'stopped' : 'gone';
}

async function halt(context: DriverContext, ref: Ref): Promise<void> {
  const known = await recall(context, ref);
  if (known === undefined) return;
  const engine = engineAt(engineOf(known), patience());
  await killContainer(engine, known.container, 'KILL');
}

/** The folder with what is known goes last, so that an interrupted removal can be repeated. */
async function destroy(context: DriverContext, ref: Ref): Promise<readonly Residue[]> {
  const known = await recall(context, ref);
  if (known !== undefined) {
    const engine = engineAt(engineOf(known), patience());
    await removeContainer(engine, known.container);
    if (await exists(join(context.state, 'snapshots')))
      await dropAllOf(engine, context.storeId, known.sandbox);
  }
  try {
    await removeTree(context.state);
    return [];
  } catch (error) {
    return [
      { what: `files (${error instanceof Error ? error.message : String(error)})`, path: context.state },
    ];
  }
}
