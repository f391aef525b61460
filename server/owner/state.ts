// The owner's state: in memory for those who watch, in owner.json for everybody else.
import { rmSync } from 'node:fs';
import { writeAtomic } from '../platform/files.ts';
import { identifySelf } from '../platform/process.ts';
import { PROTOCOL } from '../protocol/version.ts';
import { touchChanged } from '../store/changed.ts';
import type { Paths, SandboxPaths } from '../store/paths.ts';
import type { OwnerRecord } from '../store/records.ts';

type State = OwnerRecord['state'];

/** What changes while an owner lives; a key that is given as undefined is taken out. */
export type OwnerFacts = {
  readonly state: State;
  readonly attached: boolean;
  readonly workspace?: OwnerRecord['workspace'];
  readonly ports?: OwnerRecord['ports'];
  readonly ssh_port?: OwnerRecord['ssh_port'];
  readonly problem?: OwnerRecord['problem'];
  readonly guarded?: OwnerRecord['guarded'];
};

export type StateFile = {
  readonly startedAt: string;
  readonly current: () => OwnerFacts;
  change(change: Partial<OwnerFacts>): Promise<void>;
  /** Resolves when the state is another one than the given. */
  whenNot(state: State, signal: AbortSignal): Promise<State>;
  remove(): Promise<void>;
  /** Puts back what the owner before said, because its guest could not be reached. */
  giveBack(previous: OwnerRecord): Promise<void>;
};

export async function createStateFile(options: {
  readonly paths: Paths;
  readonly files: SandboxPaths;
  readonly attached: boolean;
  readonly build: string;
  /** The owner whose guest is taken over. */
  readonly previous?: OwnerRecord | undefined;
}): Promise<StateFile> {
  const { paths, files, build, previous } = options;
  const startedAt = previous?.started_at ?? new Date().toISOString();
  let facts: OwnerFacts = {
    state: 'starting',
    attached: previous?.attached ?? options.attached,
    guarded: previous?.guarded,
  };
  const watchers = new Set<() => void>();
  // It means nothing after a loss of power, so it need not survive one.
  const put = async (record: OwnerRecord): Promise<void> => {
    await writeAtomic(files.owner, `${JSON.stringify(record)}\n`, { durability: 'quick' });
    touchChanged(paths);
  };
  // One after the other, so that the last change is the one that stays.
  let writing: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    const next = (): Promise<void> => put(record());
    writing = writing.then(next, next);
    return writing;
  };
  const record = (): OwnerRecord => ({
    ...identifySelf(),
    guest_ip: null,
    ssh_port: null,
    started_at: startedAt,
    ...facts,
    protocol: PROTOCOL,
    build,
    control_socket: files.controlSocket,
    ssh_socket: files.sshSocket,
  });
  await write();
  return {
    startedAt,
    current: () => facts,
    change: async change => {
      facts = { ...facts, ...change };
      for (const watcher of watchers) watcher();
      await write();
    },
    whenNot: (known, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const look = (): void => {
          if (facts.state === known) return;
          watchers.delete(look);
          resolve(facts.state);
        };
        watchers.add(look);
        signal.addEventListener('abort', () => {
          watchers.delete(look);
          reject(signal.reason);
        });
        look();
      }),
    remove: async () => {
      rmSync(files.owner, { force: true });
      touchChanged(paths);
    },
    giveBack: put,
  };
}
