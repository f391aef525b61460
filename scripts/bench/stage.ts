// What the measurements run on: a store of its own with one running sandbox, and as many stopped ones as wanted.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxId } from '../../server/protocol/sandbox.ts';
import { type Paths, pathsOf } from '../../server/store/paths.ts';
import { addRecord, type Entry, findEntry } from '../../server/store/sandboxes.ts';
import { makeDemo } from '../lib/demo.ts';
import { heyvmIn, openBranch } from '../lib/openBranch.ts';

export type Stage = {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly paths: Paths;
  readonly running: {
    readonly id: string;
    readonly name: string;
    readonly alias: string;
    readonly pid: number;
  };
  readonly entry: () => Promise<Entry>;
  end(): Promise<void>;
};

export async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'hv-'));
  const env = { ...process.env, HEYO_HOME: join(folder, 'h'), HEYVM_NODE: process.execPath };
  const { repository, branch } = await makeDemo(join(folder, 'tea'));
  const heyvm = heyvmIn(repository, env);
  const { sandbox } = await openBranch(heyvm, branch);
  const paths = pathsOf(env);
  return {
    folder,
    env,
    paths,
    running: { id: sandbox.id, name: sandbox.name, alias: sandbox.ssh.alias, pid: sandbox.owner?.pid ?? 0 },
    entry: () => findEntry(paths, sandbox.id),
    end: async () => {
      await heyvm('rm', '--force', '--yes', sandbox.id);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Records as a stop on purpose leaves them, made from the running one's. */
export async function addStopped(stage: Stage, count: number): Promise<void> {
  const { record } = await stage.entry();
  const { worktree, ref, ...rest } = record;
  for (let index = 0; index < count; index += 1) {
    const id = `sb-${randomBytes(4).toString('hex')}` as SandboxId;
    const last_end = { at: record.created_at, kind: 'stopped' as const, reason: 'stopped on purpose' };
    await addRecord(stage.paths, { ...rest, id, name: `old-${index}`, intent: 'stopped', last_end });
  }
}
