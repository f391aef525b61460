// What a running guest can be told beside running programs: stand still, go on, be written to disk, be kept as a snapshot.
import type { DriverContext, Snapshot } from '../core/backend.ts';
import { fail } from '../core/errors.ts';
import type { Paths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { updateRecord } from '../store/sandboxes.ts';
import type { Ending } from './ending.ts';
import type { Life } from './life.ts';
import type { StateFile } from './state.ts';

export type Operations = {
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** The guest is gone and the end of the owner asked for when this answers. */
  suspend(): Promise<void>;
  snapshot(asked: { name: string; memory: boolean }, signal: AbortSignal): Promise<Snapshot>;
  /** Resolves when none of them is under way. */
  settle(): Promise<void>;
};

/** The memory of a large machine takes its time to be written. */
const LONGEST_MS = 30 * 60_000;

export type OperationsOptions = {
  readonly paths: Paths;
  readonly record: SandboxRecord;
  readonly life: Life;
  readonly state: StateFile;
  readonly ending: Ending;
  readonly turns: Turns;
};

/** One operation after the other. */
export type Turns = {
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
};

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take: work => {
      const next = last.then(work, work);
      last = next.catch(() => undefined);
      return next;
    },
    idle: async () => {
      await last;
    },
  };
}

export function createOperations({
  paths,
  record,
  life,
  state,
  ending,
  turns,
}: OperationsOptions): Operations {
  const resumed = async (): Promise<void> => {
    if (state.current().state !== 'paused') return;
    // Found paused by an owner that took over, it has not been attached to yet.
    await life.wake();
    const { driver, context, ref, guest, guarded } = await life.live();
    await (driver.pausing ?? cannot(record, 'resume')).resume(within(context), ref);
    await state.change({
      state: 'running',
      ...(guest.workspace === undefined ? {} : { workspace: guest.workspace }),
      ...(state.current().guarded === undefined ? {} : { guarded: { ...guarded } }),
    });
  };
  return {
    pause: () =>
      turns.take(async () => {
        if (state.current().state === 'paused') return;
        const { driver, context, ref } = await life.live();
        await (driver.pausing ?? cannot(record, 'pause')).pause(within(context), ref);
        await state.change({ state: 'paused' });
      }),
    resume: () => turns.take(resumed),
    suspend: () =>
      turns.take(async () => {
        await resumed();
        const { driver, context, ref, guest } = await life.live();
        const facet = driver.suspending ?? cannot(record, 'suspend');
        await state.change({ state: 'stopping' });
        try {
          await facet.suspend(within(context, ending.signal), ref, guest);
        } catch (error) {
          await state.change({ state: 'running' });
          throw error;
        }
        await updateRecord(paths, record.id, known => ({ ...known, suspended: true, intent: 'stopped' }));
        ending.ask({ kind: 'stopped', reason: 'suspended to disk' }, 0);
      }),
    snapshot: ({ name, memory }, signal) =>
      turns.take(async () => {
        const { driver, context, ref, guest } = await life.live();
        const facet = driver.snapshots ?? cannot(record, 'take snapshots of');
        return facet.take(within(context, ending.signal, signal), ref, {
          name,
          guest,
          memory: memory ? 'wanted' : 'unwanted',
        });
      }),
    settle: turns.idle,
  };
}

/** The signal of the start says nothing about what is done later. */
function within(context: DriverContext, ...signals: readonly AbortSignal[]): DriverContext {
  return { ...context, signal: AbortSignal.any([AbortSignal.timeout(LONGEST_MS), ...signals]) };
}

function cannot({ backend_type, name }: SandboxRecord, what: string): never {
  return fail('unsupported', `${backend_type} cannot ${what} sandboxes such as ${name}`);
}
