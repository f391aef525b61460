// Text for people: tables, ages, sizes and the details of a sandbox.

import { bytes, counted } from '../core/amounts.ts';
import type { SandboxInfo, SnapshotInfo } from '../protocol/sandbox.ts';
import { type Output, type Paint, printable, type Style } from './output.ts';

export type Cell = string | { readonly text: string; readonly style: Style };

/** Columns as wide as their widest cell, two blanks apart; the last one is cut at the terminal's edge. */
export function table(out: Output, heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const plain = rows.map(row => row.map(cell => printable(typeof cell === 'string' ? cell : cell.text)));
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...plain.map(row => (row[column] ?? '').length)),
  );
  const head = heads
    .map((text, column) => text.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
  const lines = rows.map((row, index) => line(row, plain[index] ?? [], { widths, out }));
  return [out.paint('bold', head), ...lines].join('\n');
}

function line(
  row: readonly Cell[],
  texts: readonly string[],
  { widths, out }: { widths: readonly number[]; out: Output },
): string {
  let left = out.columns;
  const shown = texts.map((text, column) => {
    const last = column === texts.length - 1;
    const fitting = last ? text.slice(0, Math.max(8, left)) : text;
    left -= (widths[column] ?? 0) + 2;
    const cell = row[column];
    const painted = typeof cell === 'object' ? out.paint(cell.style, fitting) : fitting;
    return last ? painted : painted + ' '.repeat(Math.max(0, (widths[column] ?? 0) - text.length));
  });
  return shown.join('  ').trimEnd();
}

const statusStyles: Readonly<Record<SandboxInfo['status'], Style>> = {
  created: 'dim',
  starting: 'yellow',
  running: 'green',
  paused: 'yellow',
  stopping: 'yellow',
  stopped: 'dim',
  failed: 'red',
};

export function statusCell(sandbox: SandboxInfo): Cell {
  return isOutOfReach(sandbox)
    ? { text: `${sandbox.status}?`, style: 'yellow' }
    : { text: sandbox.status, style: statusStyles[sandbox.status] };
}

/** Its owner lost it from sight, so that its state is what was known last. */
export function isOutOfReach({ owner, status_reason }: SandboxInfo): boolean {
  return owner !== undefined && status_reason !== undefined;
}

/** `name  value` lines, the names in one column. */
export function fields(paint: Paint, entries: readonly (readonly [string, string | undefined])[]): string {
  const present = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const width = Math.max(...present.map(([name]) => name.length));
  return present
    .map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${printable(value)}`)
    .join('\n');
}

export function sandboxDetails(sandbox: SandboxInfo, paint: Paint): string {
  const { worktree, workspace, owner, limits } = sandbox;
  const bounds = [
    limits.cpus === undefined ? undefined : counted(limits.cpus, 'cpu'),
    limits.memory === undefined ? undefined : `${bytes(limits.memory)} memory`,
    limits.pids === undefined ? undefined : counted(limits.pids, 'process', 'processes'),
    limits.wall === undefined ? undefined : `${span(limits.wall * 1000)} wall`,
    limits.disk === undefined ? undefined : `${bytes(limits.disk)} disk`,
  ].filter(bound => bound !== undefined);
  return fields(paint, [
    ['name', sandbox.name],
    ['id', sandbox.id],
    ['status', statusText(sandbox)],
    ['backend', `${sandbox.backend_type} (${sandbox.backend_reason})`],
    ['type', `${sandbox.type}, runtime ${sandbox.runtime}`],
    ['image', sandbox.image],
    ['user', sandbox.user],
    ['branch', worktree?.branch],
    ['worktree', worktree?.path],
    ['repository', worktree?.repository],
    [
      'workspace',
      `${workspace.path} (${workspace.mode}${workspace.git === 'none' ? '' : `, git ${workspace.git}`})`,
    ],
    ['network', sandbox.policy.network],
    ['limits', bounds.length === 0 ? undefined : bounds.join(', ')],
    ['ports', sandbox.ports.length === 0 ? undefined : sandbox.ports.map(portText).join(', ')],
    ['snapshots', sandbox.snapshots?.map(snapshotText).join(', ')],
    ['ssh', `ssh ${sandbox.ssh.alias}`],
    ['ssh by port', listenText(sandbox.ssh.listen)],
    ['created', `${sandbox.created_at} (${age(sandbox.created_at)} ago)`],
    ['started', sandbox.started_at],
    ['expires', sandbox.expires_at],
    ['owner', owner === undefined ? undefined : `pid ${owner.pid} since ${owner.started_at}`],
  ]);
}

function listenText(listen: SandboxInfo['ssh']['listen']): string | undefined {
  if (listen === undefined) return undefined;
  return `ssh ${listen.alias}${listen.port === undefined ? ' when it runs' : ` (127.0.0.1:${listen.port})`}`;
}

function portText({ guest, host, url }: SandboxInfo['ports'][number]): string {
  if (url !== undefined) return `${guest} at ${url}`;
  return host === undefined ? String(guest) : `${guest} at port ${host} when it runs`;
}

function snapshotText({ name, memory }: SnapshotInfo): string {
  return memory ? `${name} (with memory)` : name;
}

export function statusText(sandbox: SandboxInfo): string {
  const attached = sandbox.attached && sandbox.status === 'running' ? ', attached to a terminal' : '';
  return sandbox.status_reason === undefined
    ? `${sandbox.status}${attached}`
    : `${sandbox.status}: ${sandbox.status_reason}${attached}`;
}

/** How long ago, in one unit: `12s`, `5m`, `3h`, `8d`. */
export function age(iso: string, now = Date.now()): string {
  const elapsed = now - Date.parse(iso);
  return Number.isNaN(elapsed) ? '?' : span(Math.max(0, elapsed));
}

function span(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
