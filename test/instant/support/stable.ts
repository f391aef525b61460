// Sandboxes of the libvirt backend with a cache of their own, in which tests make and break templates.
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libvirt } from '../../../server/backends/libvirt/index.ts';
import type { Driver, DriverContext, LaunchRequest, Ref, Residue } from '../../../server/core/backend.ts';
import type { Guest } from '../../../server/core/guest.ts';
import { SandboxId } from '../../../server/protocol/sandbox.ts';
import { machineOf, runIn } from '../../contract/bench.ts';
import { groundOf } from '../../support/grounds.ts';

export type Animal = {
  readonly id: string;
  readonly name: string;
  readonly context: DriverContext;
  readonly workspace: string;
  readonly log: readonly string[];
  request(change?: Partial<LaunchRequest>): LaunchRequest;
  /** Creates and opens. */
  start(change?: Partial<LaunchRequest>): Promise<{ guest: Guest; ref: Ref }>;
  end(): Promise<void>;
};

export type Stable = {
  readonly folder: string;
  readonly driver: Driver;
  readonly cache: string;
  animal(): Animal;
  /** The folders of what machines can be resumed from. */
  templates(): string[];
  /** As `prune` does, when no sandbox of this process lives. */
  clear(): Promise<readonly Residue[]>;
  /** Ends every machine that a test left. */
  endAll(): Promise<void>;
  dispose(): Promise<void>;
};

const MIB = 1024 * 1024;

/** A text says why there can be none here. */
export async function makeStable(folder = newFolder(), storeId = 'stable'): Promise<Stable | string> {
  const ground = await groundOf(libvirt);
  if (ground.kind === 'not run') return ground.why;
  const driver = await libvirt.load();
  const machine = { ...(await machineOf(libvirt)), cache: join(folder, 'cache'), storeId };
  const found = await driver.probe(machine);
  if (found.kind === 'missing') return found.what;
  if (found.kind !== 'ready') return found.why;
  const animals: Animal[] = [];
  const animal = (): Animal => {
    const number = animals.length + 1;
    const id = SandboxId.parse(
      `sb-${((process.pid % 0xffff) * 0x10000 + number).toString(16).padStart(8, '0')}`,
    );
    const name = `animal-${process.pid}-${number}`;
    const workspace = join(folder, `w${process.pid}-${number}`);
    mkdirSync(workspace, { recursive: true });
    writeFileSync(join(workspace, 'whose'), name);
    const log: string[] = [];
    const context: DriverContext = {
      ...machine,
      log: line => log.push(line),
      progress: () => {},
      state: join(folder, `s${process.pid}-${number}`),
      runtime: join(folder, `r${process.pid}-${number}`),
    };
    const request: Animal['request'] = change => ({
      ...{ id, name, type: 'general', runtime: 'shell', workspace, env: {}, network: 'none' },
      mounts: [{ source: workspace, target: '/workspace', mode: 'rw' }],
      limits: { memory: 256 * MIB },
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      ...{ options: machine.options, cold: false, image: ground.image },
      ...change,
    });
    const guests: Guest[] = [];
    const made: Animal = {
      ...{ id, name, context, workspace, log, request },
      async start(change) {
        const asked = request(change);
        const ref = await driver.create(context, asked);
        const guest = await driver.open(context, ref, asked);
        guests.push(guest);
        return { guest, ref };
      },
      async end() {
        for (const guest of guests) await guest.stop({ graceMs: 0 });
        await driver.destroy(context, { version: 1 });
      },
    };
    animals.push(made);
    return made;
  };
  return {
    ...{ folder, driver, cache: machine.cache, animal },
    templates: () => namesIn(join(machine.cache, 'templates')).filter(name => !name.startsWith('.')),
    async clear() {
      return driver.sweep(machine, new Set());
    },
    async endAll() {
      await Promise.all(animals.map(one => one.end()));
    },
    async dispose() {
      await Promise.all(animals.map(one => one.end()));
      await driver.sweep(machine, new Set());
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Short, because sockets lie below it. */
function newFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'hvi-')));
}

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Nothing was made yet.
    return [];
  }
}

export async function outputOf(guest: Guest, script: string): Promise<string> {
  const { stdout, stderr } = await runIn(guest, script);
  return (stdout + stderr).trim();
}
