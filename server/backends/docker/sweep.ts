// Removes what carries the mark of this store and belongs to no sandbox any more.
import type { MachineContext, Residue } from '../../core/backend.ts';
import { ContainerList, ImageList } from './answers.ts';
import { removeContainer } from './containers.ts';
import { discover, surroundings } from './discover.ts';
import { type Engine, engineAt, isAway } from './engine.ts';
import { exists } from './home.ts';
import { KIND, SANDBOX, STATE, STORE } from './marks.ts';
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
      ...(await sweepContainers(engine, filters, living)),
      ...(await sweepImages(engine, filters, living)),
    ];
  } catch (error) {
    if (!isAway(error)) throw error;
    context.log(`not swept: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** A look into an image takes moments; one that is older was interrupted. */
const LOOK_SECONDS = 300;

async function sweepContainers(
  engine: Engine,
  filters: string,
  living: ReadonlySet<string>,
): Promise<Residue[]> {
  const query = { all: 1, filters };
  const all = await engine.json({ method: 'GET', path: '/containers/json', query }, ContainerList);
  const removed: Residue[] = [];
  for (const { Id: id, Created: created, Names: names, Labels: labels } of all) {
    const old = Date.now() / 1000 - created > LOOK_SECONDS;
    const orphaned = labels?.[KIND] === 'look' ? old : await isOrphaned(labels, living);
    if (!orphaned) continue;
    await removeContainer(engine, id);
    removed.push({ what: 'a container of a sandbox that is gone', path: names?.[0] ?? id });
  }
  return removed;
}

async function sweepImages(engine: Engine, filters: string, living: ReadonlySet<string>): Promise<Residue[]> {
  const all = await engine.json({ method: 'GET', path: '/images/json', query: { filters } }, ImageList);
  const removed: Residue[] = [];
  for (const { Id: id, RepoTags: tags, Labels: labels } of all) {
    const names = (tags ?? []).filter(name => name !== '<none>:<none>');
    const nameless = names.length === 0;
    if (!nameless && !(labels?.[KIND] === 'snapshot' && (await isOrphaned(labels, living)))) continue;
    for (const name of nameless ? [id] : names) {
      // One that a container still uses goes with a later sweep.
      const { status } = await engine.ask({ method: 'DELETE', path: `/images/${name}`, accept: [404, 409] });
      if (status < 400) removed.push({ what: 'an image that nothing needs', path: name });
    }
  }
  return removed;
}

/** The driver's folder comes before everything in the engine and goes after it, so that without it nobody is meant. */
async function isOrphaned(
  labels: Readonly<Record<string, string>> | null | undefined,
  living: ReadonlySet<string>,
): Promise<boolean> {
  const [sandbox, state] = [labels?.[SANDBOX], labels?.[STATE]];
  if (sandbox === undefined || state === undefined || living.has(sandbox)) return false;
  return !(await exists(state));
}
