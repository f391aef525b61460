// The owner's state: in memory for those who watch, in owner.json for everybody else.
import { rm } from 'node:fs/promises';
import { writeAtomic } from '../platform/files.ts';
import { identifySelf } from '../platform/process.ts';
import { PROTOCOL } from '../protocol/version.ts';
import { touchChanged } from '../store/changed.ts';
import type { Paths, SandboxPaths } from '../store/paths.ts';
import type { OwnerRecord } from '../store/records.ts';

type State = OwnerRecord['state'];

export type StateFile = {
  readonly current: () => { readonly state: State; readonly attached: boolean; readonly startedAt: string };
  change(change: { state?: State; attached?: boolean }): Promise<void>;
  /** Resolves when the state is another one than the given. */
  whenNot(state: State, signal: AbortSignal): Promise<State>;
  remove(): Promise<void>;
};

export async function createStateFile(options: {
  readonly paths: Paths;
  readonly files: SandboxPaths;
  readonly attached: boolean;
  readonly build: string;
}): Promise<StateFile> {
  const { paths, files, build } = options;
  const startedAt = new Date().toISOString();
  let state: State = 'starting';
  let attached = options.attached;
  const watchers = new Set<() => void>();
  const write = async (): Promise<void> => {
    const record: OwnerRecord = {
      ...identifySelf(),
      guest_ip: null,
      ssh_port: null,
      started_at: startedAt,
      state,
      attached,
      protocol: PROTOCOL,
      build,
      control_socket: files.controlSocket,
      ssh_socket: files.sshSocket,
    };
    // It means nothing after a loss of power, so it need not survive one.
    await writeAtomic(files.owner, `${JSON.stringify(record)}\n`, { durability: 'quick' });
    touchChanged(paths);
  };
  await write();
  return {
    current: () => ({ state, attached, startedAt }),
    change: async change => {
      state = change.state ?? state;
      attached = change.attached ?? attached;
      for (const watcher of watchers) watcher();
      await write();
    },
    whenNot: (known, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const look = (): void => {
          if (state === known) return;
          watchers.delete(look);
          resolve(state);
        };
        watchers.add(look);
        signal.addEventListener('abort', () => {
          watchers.delete(look);
          reject(signal.reason);
        });
        look();
      }),
    remove: async () => {
      await rm(files.owner, { force: true });
      touchChanged(paths);
    },
  };
}
