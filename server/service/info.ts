// A sandbox as every surface shows it, derived from its files alone.

import type * as z from 'zod/mini';
import { backends } from '../backends/registry.ts';
import { conditionOf } from '../core/lifecycle.ts';
import { aliasOf, directAliasOf } from '../core/names.ts';
import type { SandboxInfo, SandboxStatus } from '../protocol/sandbox.ts';
import type { SandboxRecord } from '../store/records.ts';
import type { Entry } from '../store/sandboxes.ts';
import { willComeBack } from '../store/willComeBack.ts';
import { isUnattended } from './unattended.ts';

export function toInfo(entry: Entry): SandboxInfo {
  const { record, owner } = entry;
  const { status, reason } = conditionOfEntry(entry);
  const expires = expiryOf(entry);
  return {
    id: record.id,
    name: record.name,
    status,
    ...(reason === undefined ? {} : { status_reason: reason }),
    ...(willComeBack(entry) ? { comes_back: true as const } : {}),
    backend_type: record.backend_type,
    backend_reason: record.backend_reason,
    type: record.type,
    runtime: record.runtime,
    ...(record.image === undefined ? {} : { image: record.image }),
    ...(record.user === undefined ? {} : { user: record.user }),
    workspace: { ...record.workspace, mode: owner?.workspace ?? workspaceMode(record) },
    ...(record.worktree === undefined ? {} : { worktree: record.worktree }),
    created_at: record.created_at,
    ...(owner === undefined ? {} : { started_at: owner.started_at }),
    ...(record.ttl_seconds === undefined ? {} : { ttl_seconds: record.ttl_seconds }),
    ...(expires === undefined ? {} : { expires_at: expires }),
    policy: { network: record.policy.network.mode },
    limits: record.limits,
    ports: portsOf(entry),
    ssh: { alias: aliasOf(record.name), ...listenOf(entry) },
    attached: owner?.attached ?? record.attached,
    ...(owner === undefined ? {} : { owner: { pid: owner.pid, started_at: owner.started_at } }),
    ...(owner?.guest_ip == null ? {} : { guest_ip: owner.guest_ip }),
    ...(record.snapshots === undefined
      ? {}
      : { snapshots: record.snapshots.map(({ ref: _, ...shown }) => shown) }),
  };
}

export function conditionOfEntry(entry: Entry): {
  readonly status: z.output<typeof SandboxStatus>;
  readonly reason?: string;
} {
  const { record, owner, stale } = entry;
  return conditionOf({
    intent: record.intent,
    lastEnd: record.last_end,
    ownerState: owner?.state,
    problem: owner?.problem,
    stale,
    ...(isUnattended(entry) ? { unattended: { problem: record.unreachable?.reason } } : {}),
  });
}

/** An owner that could not have the port says none. */
function listenOf({ record, owner }: Entry): Pick<SandboxInfo['ssh'], 'listen'> {
  if (record.ssh_listen === undefined) return {};
  const alias = directAliasOf(record.name);
  const port = owner?.ssh_port ?? undefined;
  return { listen: { alias, ...(port === undefined ? {} : { port }) } };
}

/** Ports of this machine are known while somebody listens on them. */
function portsOf({ record, owner }: Entry): SandboxInfo['ports'] {
  if (owner?.ports === undefined) return (record.ports ?? []).map(port => ({ ...port }));
  return owner.ports.map(({ guest, host }) => ({ guest, host, url: `http://127.0.0.1:${host}` }));
}

/** A backend that this version does not know shows its workspace in some way, and `bind` is the commonest. */
function workspaceMode({ workspace, backend_type }: SandboxRecord): SandboxInfo['workspace']['mode'] {
  if (workspace.mode !== undefined) return workspace.mode;
  const backend = backends.find(({ manifest }) => manifest.id === backend_type);
  return backend?.manifest.capabilities.workspace ?? 'bind';
}

function expiryOf({ record, owner }: Entry): string | undefined {
  if (record.ttl_seconds === undefined || owner === undefined) return undefined;
  const started = Date.parse(owner.started_at);
  return Number.isNaN(started) ? undefined : new Date(started + record.ttl_seconds * 1000).toISOString();
}
