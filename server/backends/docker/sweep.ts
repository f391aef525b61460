// Removes what carries the mark of this store and belongs to no sandbox any more.
import type { MachineContext, Residue } from '../../core/backend.ts';
import { discover, surroundings } from '../../engine/discover.ts';
import { type Engine, engineAt, isAway } from '../../engine/engine.ts';
import { ContainerList } from './answers.ts';
import { removeContainer } from './containers.ts';
import { exists } from './home.ts';
import { listImages, removeImage } from './image.ts';
import { containerName, DIGEST, isImageName, KIND, SANDBOX, STATE, STORE } from './marks.ts';
import { parseOptions } from './options.ts';

/** Answers what was removed; without an engine there is nothing to look at. */
export async function sweep(
  context: MachineContext,
  living: ReadonlySet<string>,
): Promise<readonly Residue[]> {
  const { address } = discover(parseOptions(context.options).connect, surroundings());
  const engine = engineAt(address, context.signal);
  const filters = JSON.stringify({ label: [`${STORE}=${context.storeId}`] });
  try {
    return [
      ...(await sweepContainers(engine, { filters, store: context.storeId, living })),
      ...(await sweepImages(engine, { filters, store: context.storeId, living }, context.isImageNeeded)),
    ];
  } catch (error) {
    if (!isAway(error)) throw error;
    context.log(`not swept: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** A look into an image takes moments; one that is older was interrupted. */
const LOOK_SECONDS = 300;

type Sweeping = {
  readonly filters: string;
  readonly store: string;
  readonly living: ReadonlySet<string>;
};

async function sweepContainers(engine: Engine, { filters, store, living }: Sweeping): Promise<Residue[]> {
  const all = await engine.read('list containers', ContainerList, docker =>
    docker.listContainers({ all: true, filters }),
  );
  const removed: Residue[] = [];
  for (const { Id: id, Created: created, Names: names, Labels: labels } of all) {
    const old = Date.now() / 1000 - created > LOOK_SECONDS;
    const look = labels?.[KIND] === 'look';
    if (!look && !isOurs(names, labels, store)) continue;
    const orphaned = look ? old : await isOrphaned(labels, living);
    if (!orphaned) continue;
    await removeContainer(engine, id);
    removed.push({ what: 'a container of a sandbox that is gone', path: names?.[0] ?? id });
  }
  return removed;
}

/** What people start from an image of ours inherits its labels; the name is what only we give. */
function isOurs(names: readonly string[] | null | undefined, labels: Labels, store: string): boolean {
  const sandbox = labels?.[SANDBOX];
  if (sandbox === undefined || labels?.[KIND] !== 'sandbox') return false;
  return (names ?? []).includes(`/${containerName({ store, sandbox })}`);
}

async function sweepImages(
  engine: Engine,
  { filters, store, living }: Sweeping,
  isNeeded: MachineContext['isImageNeeded'],
): Promise<Residue[]> {
  const all = await listImages(engine, filters);
  const removed: Residue[] = [];
  for (const { Id: id, RepoTags: tags, Labels: labels } of all) {
    const names = (tags ?? []).filter(name => name !== '<none>:<none>');
    const nameless = names.length === 0;
    const orphaned = labels?.[KIND] === 'snapshot' && (await isOrphaned(labels, living));
    if (!nameless && !orphaned && !(await isOutdated(labels, isNeeded))) continue;
    const ours = names.filter(name => isImageName(store, name));
    for (const name of nameless ? [id] : ours) {
      // One that a container still uses goes with a later sweep.
      if ((await removeImage(engine, name)) === 'removed')
        removed.push({ what: 'an image that nothing needs', path: name });
    }
  }
  return removed;
}

/** The driver's folder comes before everything in the engine and goes after it, so that without it nobody is meant. */
async function isOrphaned(labels: Labels, living: ReadonlySet<string>): Promise<boolean> {
  const [sandbox, state] = [labels?.[SANDBOX], labels?.[STATE]];
  if (sandbox === undefined || state === undefined || living.has(sandbox)) return false;
  return !(await exists(state));
}

type Labels = Readonly<Record<string, string>> | null | undefined;

/** Copies of stored images, for containers and for builds, which can be made again as long as there is what to make them from. */
async function isOutdated(labels: Labels, isNeeded: MachineContext['isImageNeeded']): Promise<boolean> {
  const [kind, digest] = [labels?.[KIND] ?? '', labels?.[DIGEST]];
  if (digest === undefined || isNeeded === undefined || !['image', 'base'].includes(kind)) return false;
  return !(await isNeeded(digest));
}
