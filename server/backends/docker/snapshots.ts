// Snapshots: the container as an image of the engine, and a copy of the home beside it.
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { DriverContext, MachineContext, Ref, Residue, Snapshots } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { type Engine, engineAt } from '../../engine/engine.ts';
import { ensureFolder, namesIn } from '../../platform/files.ts';
import { randomHex } from '../../platform/random.ts';
import { removeTree } from '../../platform/removeTree.ts';
import { parse } from '../../protocol/parse.ts';
import { inspectContainer, removeContainer } from './containers.ts';
import { copyHome, homeFolder, replaceHome } from './home.ts';
import { listImages, removeImage } from './image.ts';
import { imageName, isImageName, plainName, SANDBOX, STATE, STORE, storeLabels } from './marks.ts';
import { pausing } from './pausing.ts';
import { engineOf, type Remembered, recallOrFail } from './remembered.ts';

const SnapshotRef = z.strictObject({
  version: z.literal(1),
  kind: z.literal('snapshot'),
  engine: z.string(),
  tls: z.optional(z.strictObject({ folder: z.string(), verify: z.boolean() })),
  /** Keeps the content from being removed. Nothing runs from it, so that it can always be dropped. */
  image: z.string(),
  /** What copies run from: the same content, because the root of a container is read-only. */
  base: z.string(),
  home: z.string(),
});
export type SnapshotRef = z.output<typeof SnapshotRef>;

export function snapshotFrom(ref: Ref): SnapshotRef {
  const parsed = parse(SnapshotRef, ref);
  return parsed.ok
    ? parsed.value
    : fail('snapshot-not-found', `the snapshot is not understood: ${parsed.problem}`);
}

export const snapshots: Snapshots = {
  async take(context, ref, { name, memory }) {
    const known = await recallOrFail(context, ref);
    const engine = engineAt(engineOf(known), context.signal);
    const tag = `${known.sandbox}-${name}-${randomHex(4)}`;
    const image = imageName(context.storeId, tag);
    const home = join(context.state, 'snapshots', tag);
    await ensureFolder(join(context.state, 'snapshots'));
    // While it stands still a guest can neither tear its files nor lead the copy astray.
    const wake = await holdStill(context, ref, engine, known);
    try {
      await Promise.all([
        keepImage(engine, { known, image, context }),
        copyHome(context, homeFolder(context.state), home),
      ]);
    } catch (error) {
      await dropParts(engine, { image, home });
      throw error;
    } finally {
      await wake();
    }
    const { engine: address, tls } = known;
    const kept: SnapshotRef = {
      version: 1,
      kind: 'snapshot',
      engine: address,
      image,
      base: known.image,
      home,
      ...(tls === undefined ? {} : { tls }),
    };
    const why = 'containers keep files, not running programs';
    return { ref: kept, memory: false, ...(memory === 'wanted' ? { why } : {}) };
  },

  async restore(context, ref, snapshot) {
    const known = await recallOrFail(context, ref);
    const { home } = snapshotFrom(snapshot);
    const engine = engineAt(engineOf(known), context.signal);
    const running = await inspectContainer(engine, known.container);
    if (running?.State.Running === true)
      fail('busy', 'the sandbox runs', { hint: 'stop it with heyvm stop' });
    await replaceHome(context, home);
    if (running !== undefined) await removeContainer(engine, known.container);
    return { ...known };
  },

  async drop(context: MachineContext, snapshot): Promise<readonly Residue[]> {
    const parsed = snapshotFrom(snapshot);
    return dropParts(engineAt(engineOf({ ...parsed }), context.signal), parsed);
  },

  async tidy(context, ref, kept) {
    const known = await recallOrFail(context, ref);
    const parts = kept.map(snapshotFrom);
    const [images, homes] = [parts.map(({ image }) => image), parts.map(({ home }) => home)];
    const engine = engineAt(engineOf(known), context.signal);
    const residues: Residue[] = [];
    for (const image of await namesOf(engine, context, known))
      if (!images.includes(image)) residues.push(...(await dropImage(engine, image)));
    const folder = join(context.state, 'snapshots');
    for (const name of await namesIn(folder))
      if (!homes.includes(join(folder, name))) await removeTree(join(folder, name));
    return residues;
  },
};

/** Of all snapshots of a sandbox, also those that are only one more name of the image that it began with. */
async function namesOf(engine: Engine, { storeId, state }: DriverContext, { sandbox }: Remembered) {
  const own = imageName(storeId, `${sandbox}-`);
  return (await listImages(engine, '{}'))
    .filter(({ Labels: labels }) => [undefined, state].includes(labels?.[STATE]))
    .flatMap(({ RepoTags: tags }) => tags ?? [])
    .map(plainName)
    .filter(name => name.startsWith(own));
}

type Parts = { readonly image: string; readonly home: string };

async function dropParts(engine: Engine, { image, home }: Parts): Promise<readonly Residue[]> {
  const left = await dropImage(engine, image);
  await removeTree(home);
  return left;
}

async function dropImage(engine: Engine, image: string): Promise<readonly Residue[]> {
  const left = await removeImage(engine, image);
  return left === 'in use' ? [{ what: 'an image that a container still uses', path: image }] : [];
}

/** The engine’s copy of a sandbox that never ran is its image, under one more name. */
async function keepImage(
  engine: Engine,
  { known, image, context }: { known: Remembered; image: string; context: DriverContext },
): Promise<void> {
  const [repo = '', tag = ''] = image.split(':');
  const labels = {
    ...storeLabels(context.storeId, 'snapshot'),
    [SANDBOX]: known.sandbox,
    [STATE]: context.state,
  };
  const changes = Object.entries(labels).map(([name, value]) => `LABEL ${name}=${JSON.stringify(value)}`);
  const container = await inspectContainer(engine, known.container);
  if (container === undefined) {
    await engine.call('name an image', docker => docker.getImage(known.image).tag({ repo, tag }));
    return;
  }
  const { container: id } = known;
  // The container's own configuration is kept when the body is empty.
  const wanted = { _query: { container: id, repo, tag, pause: false, changes }, _body: {} };
  await engine.call('keep a container', docker => docker.getContainer(id).commit(wanted));
}

/** What is paused already stays so. */
async function holdStill(
  context: DriverContext,
  ref: Ref,
  engine: Engine,
  known: Remembered,
): Promise<() => Promise<void>> {
  const { State } = (await inspectContainer(engine, known.container)) ?? {};
  if (State?.Running !== true || State.Paused) return async () => {};
  await pausing.pause(context, ref);
  return () => pausing.resume({ ...context, signal: new AbortController().signal }, ref);
}

/** Images of snapshots whose sandbox is being removed. */
export async function dropAllOf(engine: Engine, store: string, sandbox: string): Promise<void> {
  const filters = JSON.stringify({ label: [`${STORE}=${store}`, `${SANDBOX}=${sandbox}`] });
  const images = await listImages(engine, filters);
  for (const { RepoTags: tags, Id: id } of images) {
    const ours = tags?.filter(name => isImageName(store, name));
    for (const name of ours ?? [id]) await removeImage(engine, name);
  }
}
