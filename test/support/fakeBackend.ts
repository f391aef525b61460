// A backend in memory, for tests of everything above backends; it passes the same contract suite as real ones.
import { randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import type { Backend, Driver, Manifest, Ref } from '../../server/core/backend.ts';
import { gapsOf, refuseGaps } from '../../server/core/conform.ts';
import { fail } from '../../server/core/errors.ts';
import type { Availability } from '../../server/protocol/backend.ts';
import { FakeGuest } from './fakeGuest.ts';
import type { FakeFiles } from './fakeShell.ts';

export type FakeOptions = {
  readonly id?: string;
  readonly rank?: Manifest['rank'];
  readonly availability?: Exclude<Availability, { kind: 'ready' }>;
  /** `everything`: it also pauses, suspends, and takes snapshots. */
  readonly can?: 'the least' | 'everything';
  /** `modules`: one program alone, which has the others in it, and no signals and no exact codes. */
  readonly runs?: 'a shell' | 'modules';
};

export function fakeBackend(options: FakeOptions = {}): Backend {
  const manifest = manifestOf(options);
  const driver = fakeDriver(manifest, options);
  return { manifest, load: async () => driver };
}

function manifestOf({ id = 'fake', rank = { worktree: 1, throwaway: 1 }, can, runs }: FakeOptions): Manifest {
  const able = can === 'everything';
  const alone = runs === 'modules';
  return {
    id,
    aliases: [`${id}-alias`],
    title: 'Fake',
    summary: 'Runs nothing outside of the memory of the test',
    hosts: [{ platform: process.platform, arch: [process.arch] }],
    capabilities: {
      boundary: 'process',
      lifetime: 'owned',
      workspace: 'copy',
      git: alone ? ['none'] : [],
      network: ['none'],
      runtimes: alone ? ['wasm'] : ['shell'],
      resources: { cpus: 'none', memory: 'none', pids: 'none', wall: 'hard' },
      exec: alone
        ? { pty: true, signals: false, user: false, codes: 'success' }
        : { pty: true, signals: true, user: false },
      dial: [],
      files: 'none',
      snapshots: able ? 'disk' : 'none',
      pause: able,
      ...(able ? { suspend: true } : {}),
      editor: false,
      caveats: ['It is no sandbox at all'],
    },
    verified: 'contract',
    rank,
    options: () => z.strictObject({}),
  };
}

type World = { files: FakeFiles; running: FakeGuest | undefined };

/** What is lost with the memory of a guest; everything else is on its disk. */
const MEMORY = '/dev/shm/';

function fakeDriver(manifest: Manifest, options: FakeOptions): Driver {
  const worlds = new Map<string, World>();
  const worldOf = (state: string): World => worlds.get(state) ?? fail('internal', 'it was never created');
  const kept = new Map<unknown, FakeFiles>();
  return {
    async probe({ signal }) {
      signal.throwIfAborted();
      const { capabilities } = manifest;
      return options.availability ?? { kind: 'ready', version: '1.0.0', capabilities, notes: [] };
    },
    async create({ state }, { from }) {
      if (!worlds.has(state)) worlds.set(state, { files: copyOf(kept, from), running: undefined });
      return { version: 1 };
    },
    async open({ signal, state }, _ref, request) {
      signal.throwIfAborted();
      refuseGaps(manifest.id, gapsOf(manifest.capabilities, { ...request, image: request.image?.name }));
      const world = worldOf(state);
      if (world.running !== undefined) fail('busy', 'it is running already');
      const { runtimes } = manifest.capabilities;
      const onEnd = (): void => {
        world.running = undefined;
        for (const path of [...world.files.keys()]) if (path.startsWith(MEMORY)) world.files.delete(path);
      };
      world.running = new FakeGuest({ ...request, runtime: runtimes[0] }, world.files, onEnd);
      return world.running;
    },
    async inspect({ state }) {
      const world = worlds.get(state);
      if (world === undefined) return 'gone';
      if (world.running === undefined) return 'stopped';
      return world.running.paused ? 'paused' : 'running';
    },
    async destroy({ state }) {
      const running = worlds.get(state)?.running;
      running?.resume();
      await running?.stop({ graceMs: 0 });
      worlds.delete(state);
      return [];
    },
    sweep: async () => [],
    ...(options.can === 'everything' ? facetsOf(worldOf, kept) : {}),
  };
}

function facetsOf(
  worldOf: (state: string) => World,
  kept: Map<unknown, FakeFiles>,
): Required<Pick<Driver, 'pausing' | 'suspending' | 'snapshots'>> {
  return {
    pausing: {
      pause: async ({ state }) => worldOf(state).running?.pause(),
      resume: async ({ state }) => worldOf(state).running?.resume(),
    },
    suspending: {
      async suspend({ state }) {
        const world = worldOf(state);
        const { running } = world;
        world.running = undefined;
        running?.leave();
      },
    },
    snapshots: {
      async take({ state }, _ref, { memory }) {
        const id = `${state} ${randomBytes(4).toString('hex')}`;
        kept.set(id, new Map(worldOf(state).files));
        const ref = { version: 1, snapshot: id };
        return { ref, memory: false, ...(memory === 'wanted' ? { why: 'the fake keeps files alone' } : {}) };
      },
      async restore({ state }, ref, snapshot) {
        worldOf(state).files = copyOf(kept, snapshot);
        return ref;
      },
      async drop(_context, snapshot) {
        kept.delete(snapshot['snapshot']);
        return [];
      },
      async tidy({ state }, _ref, known) {
        const ids = new Set(known.map(({ snapshot }) => snapshot));
        for (const id of kept.keys()) if (String(id).startsWith(`${state} `) && !ids.has(id)) kept.delete(id);
        return [];
      },
    },
  };
}

function copyOf(kept: ReadonlyMap<unknown, FakeFiles>, snapshot: Ref | undefined): FakeFiles {
  if (snapshot === undefined) return new Map();
  return new Map(kept.get(snapshot['snapshot']) ?? fail('internal', 'there is no such snapshot'));
}
