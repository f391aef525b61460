// A fake backend whose guests outlive their owner: each is a process of its own (fakeHost.ts), attached to over a socket.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Backend, Condition, Driver, DriverContext, Manifest } from '../../server/core/backend.ts';
import { gapsOf, refuseGaps } from '../../server/core/conform.ts';
import { fail } from '../../server/core/errors.ts';
import { isSame, type ProcessIdentity, signalProcess } from '../../server/platform/process.ts';
import { eventually } from './eventually.ts';
import { attachTo } from './fakeAttached.ts';

export type ExternalOptions = { readonly id?: string; readonly images?: readonly ['oci'] };

export function fakeExternal({ id = 'fakeext', images }: ExternalOptions = {}): Backend {
  const manifest: Manifest = {
    id,
    aliases: [`${id}-alias`],
    title: 'External fake',
    summary: 'Runs a small process for each guest, which outlives whoever started it',
    hosts: [{ platform: 'linux', arch: ['x64', 'arm64'] }],
    capabilities: {
      boundary: 'process',
      lifetime: 'external',
      workspace: 'copy',
      git: [],
      network: ['none'],
      runtimes: ['shell'],
      ...(images === undefined ? {} : { images: [...images] }),
      resources: { cpus: 'none', memory: 'none', pids: 'none', wall: 'hard' },
      exec: { pty: true, signals: true, user: false },
      dial: ['tcp'],
      files: 'none',
      snapshots: 'disk',
      pause: true,
      suspend: true,
      editor: false,
      caveats: ['It is no sandbox at all'],
    },
    environment: ['FAKE_HOST_PROGRAM'],
    verified: 'contract',
    rank: { worktree: 0, throwaway: 0 },
    options: () => z.strictObject({ connect: z.optional(z.string()), depth: z.optional(z.number()) }),
    ...(images === undefined ? {} : { defaultImage: 'base:1' }),
  };
  const driver = driverOf(manifest);
  return { manifest, load: async () => driver };
}

/** A bundle is somewhere else, and an owner is told only when it knows what it owns. */
function hostProgram(): string {
  return process.env['FAKE_HOST_PROGRAM'] ?? join(import.meta.dirname, 'fakeHost.ts');
}

function driverOf(manifest: Manifest): Driver {
  return {
    async probe({ signal, cache }) {
      signal.throwIfAborted();
      if (isAway(cache)) return { kind: 'missing', what: 'the fake engine is away', fix: 'bring it back' };
      return { kind: 'ready', version: '1.0.0', capabilities: manifest.capabilities, notes: [] };
    },
    async create({ state, cache }, { from }) {
      requireEngine(cache);
      await mkdir(state, { recursive: true });
      if (existsSync(diskOf(state))) return { version: 1 };
      if (from === undefined) await writeFile(diskOf(state), '{}');
      else await copyFile(snapshotOf(cache, from), diskOf(state));
      return { version: 1 };
    },
    async open(context, _ref, request) {
      const { state, cache, signal } = context;
      signal.throwIfAborted();
      requireEngine(cache);
      refuseGaps(manifest.id, gapsOf(manifest.capabilities, { ...request, image: request.image?.name }));
      if (hostOf(state) === undefined) await boot(context, request);
      if (signal.aborted) {
        kill(state);
        signal.throwIfAborted();
      }
      return attachTo(
        state,
        () => hostOf(state),
        () => (isSilent(cache) ? new Promise(() => undefined) : requireEngine(cache)),
      );
    },
    inspect: async ({ state, cache }) => {
      requireEngine(cache);
      return conditionOf(state);
    },
    halt: async ({ state, cache }) => {
      requireEngine(cache);
      kill(state);
    },
    async destroy({ state, cache }) {
      requireEngine(cache);
      kill(state);
      await rm(state, { recursive: true, force: true });
      return [];
    },
    async sweep({ storeId, cache }, living) {
      requireEngine(cache);
      const orphans = hostsOf(storeId).filter(({ sandbox }) => !living.has(sandbox));
      for (const { pid } of orphans) process.kill(pid, 'SIGKILL');
      return orphans.map(({ sandbox }) => ({ what: 'a guest of the fake', path: sandbox }));
    },
    pausing: {
      async pause({ state }) {
        signal(state, 'SIGSTOP');
        await eventually(() => conditionOf(state) !== 'running', { what: 'standing still' });
      },
      resume: async ({ state }) => signal(state, 'SIGCONT'),
    },
    suspending: {
      async suspend({ state }) {
        signal(state, 'SIGUSR1');
        await eventually(() => hostOf(state) === undefined, { what: 'the end of the host' });
      },
    },
    snapshots: {
      async take({ state, cache }, _ref, { memory }) {
        const ref = { version: 1, snapshot: `${ownerOf(state)}-${randomBytes(4).toString('hex')}` };
        await mkdir(cache, { recursive: true });
        await copyFile(diskOf(state), snapshotOf(cache, ref));
        return { ref, memory: false, ...(memory === 'wanted' ? { why: 'the fake keeps disks alone' } : {}) };
      },
      async restore({ state, cache }, ref, snapshot) {
        await copyFile(snapshotOf(cache, snapshot), diskOf(state));
        return ref;
      },
      async drop({ cache }, snapshot) {
        await rm(snapshotOf(cache, snapshot), { force: true });
        return [];
      },
      async tidy({ state, cache }, _ref, known) {
        const files = new Set(known.map(each => snapshotOf(cache, each)));
        const own = existsSync(cache) ? readdirSync(cache) : [];
        for (const name of own.filter(each => each.startsWith(`snapshot-${ownerOf(state)}-`)))
          if (!files.has(join(cache, name))) await rm(join(cache, name));
        return [];
      },
    },
  };
}

async function boot(
  { state, storeId }: DriverContext,
  {
    name,
    env,
    id,
    image,
  }: { name: string; env: Readonly<Record<string, string>>; id: string; image?: unknown },
): Promise<void> {
  const files: unknown = JSON.parse(readFileSync(diskOf(state), 'utf8'));
  const suspended = existsSync(join(state, 'suspended'));
  const shown = image === undefined ? {} : { IMAGE: JSON.stringify(image) };
  await writeFile(
    join(state, 'boot.json'),
    JSON.stringify({ name, env: { ...env, ...shown }, files, suspended }),
  );
  for (const old of ['host.json', 'ended.json', 'guest']) await rm(join(state, old), { force: true });
  const child = spawn(process.execPath, [hostProgram(), state, storeId, id], {
    detached: true,
    stdio: 'ignore',
  });
  child.unref();
  await eventually(() => hostOf(state) !== undefined || child.exitCode !== null, { what: 'the host' });
}

function conditionOf(state: string): Condition {
  const found = hostOf(state);
  if (found === undefined) return existsSync(diskOf(state)) ? 'stopped' : 'gone';
  const stat = readFileSync(`/proc/${found.pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T') ? 'paused' : 'running';
}

function hostOf(state: string): ProcessIdentity | undefined {
  try {
    const found = JSON.parse(readFileSync(join(state, 'host.json'), 'utf8')) as ProcessIdentity;
    return isSame(found) ? found : undefined;
  } catch {
    // It never ran, or it is just writing that file.
    return undefined;
  }
}

function hostsOf(storeId: string): { pid: number; sandbox: string }[] {
  return readdirSync('/proc').flatMap(name => {
    const words = /^\d+$/.test(name) ? commandOf(name) : [];
    const [, , store, sandbox = ''] = words.slice(words.findIndex(word => word.endsWith('fakeHost.ts')));
    return words.length > 0 && store === storeId ? [{ pid: Number(name), sandbox }] : [];
  });
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function signal(state: string, name: NodeJS.Signals): void {
  const found = hostOf(state);
  if (found !== undefined) signalProcess(found, name);
}

function kill(state: string): void {
  signal(state, 'SIGKILL');
}

function diskOf(state: string): string {
  return join(state, 'disk.json');
}

/** Short, because it is part of names. */
function ownerOf(state: string): string {
  return createHash('sha256').update(state).digest('hex').slice(0, 16);
}

function snapshotOf(cache: string, ref: Readonly<Record<string, unknown>>): string {
  return join(cache, `snapshot-${String(ref['snapshot'])}.json`);
}

/** A test takes the engine away with this file. */
function isAway(cache: string): boolean {
  return existsSync(join(cache, 'away'));
}

/** With this one it answers to everything but a request to end a guest. */
function isSilent(cache: string): boolean {
  return existsSync(join(cache, 'silent'));
}

function requireEngine(cache: string): void {
  if (isAway(cache)) fail('backend-missing', 'the fake engine is away', { hint: 'bring it back' });
}
