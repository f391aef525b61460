// What the tests of the store share: a store of their own, records, and programs that run beside them.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxId } from '../../server/protocol/sandbox.ts';
import { type Paths, pathsOf } from '../../server/store/paths.ts';
import type { SandboxRecord } from '../../server/store/records.ts';

export function newStore(): { paths: Paths; dispose(): void } {
  const home = mkdtempSync(join(tmpdir(), 'hvs-'));
  return {
    paths: pathsOf({ HEYO_HOME: home }),
    dispose: () => rmSync(home, { recursive: true, force: true }),
  };
}

export function recordOf(number: number, change: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    version: 1,
    id: SandboxId.parse(`sb-${number.toString(16).padStart(8, '0')}`),
    name: `box-${number}`,
    created_at: new Date(1_700_000_000_000 + number).toISOString(),
    backend_type: 'fake',
    backend_reason: 'asked for by name',
    type: 'general',
    runtime: 'shell',
    workspace: { path: '/somewhere', git: 'none' },
    mounts: [],
    env: {},
    policy: { network: { mode: 'none' } },
    limits: {},
    attached: false,
    intent: 'stopped',
    ...change,
  };
}

/** A program of the fixtures, running for itself. */
export function startFixture(name: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'fixtures', `${name}.ts`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise(resolve => child.once('exit', code => resolve(code)));
}

export function firstWordOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', chunk => resolve(String(chunk).trim()));
    child.once('exit', () => reject(new Error('it ended without a word')));
  });
}
