// Words and pictures for a sandbox, the same wherever it is shown.
import type { Boundary, Capabilities } from '../../server/protocol/backend.ts';
import type { BranchSummary } from '../../server/protocol/reviewMethods.ts';
import type { SandboxInfo, SandboxStatus } from '../../server/protocol/sandbox.ts';
import type { Load } from './usages.ts';

export type Picture = { readonly icon: string; readonly color?: string };

const pictures: Readonly<Record<SandboxStatus, Picture>> = {
  created: { icon: 'vm-outline' },
  starting: { icon: 'loading~spin' },
  running: { icon: 'vm-running', color: 'testing.iconPassed' },
  paused: { icon: 'debug-pause', color: 'charts.yellow' },
  stopping: { icon: 'loading~spin' },
  stopped: { icon: 'vm-outline', color: 'disabledForeground' },
  failed: { icon: 'error', color: 'testing.iconFailed' },
};

const networkBadges: Readonly<Record<SandboxInfo['policy']['network'], string>> = {
  none: 'no network',
  allowlist: 'limited network',
  open: 'open network',
};

/** What stands between a guest and this machine. */
export const boundaryWords: Readonly<Record<Boundary, string>> = {
  process: 'process',
  syscalls: 'system calls',
  container: 'container',
  microvm: 'microVM',
  vm: 'virtual machine',
  remote: 'another machine',
};

export function pictureOf(sandbox: SandboxInfo): Picture {
  return pictures[sandbox.status];
}

export function titleOf(sandbox: SandboxInfo): string {
  return sandbox.worktree?.branch ?? sandbox.name;
}

/** One or two letters that stay in sight in a narrow view. */
export const boundaryBadges: Readonly<Record<Boundary, string>> = {
  process: 'P',
  syscalls: 'S',
  container: 'C',
  microvm: 'µ',
  vm: 'VM',
  remote: 'R',
};

/** `state · backend (boundary) · network`; what is usual goes without saying beside the icon. */
export function summaryOf(sandbox: SandboxInfo, boundary?: Boundary): string {
  const parts: string[] = sandbox.status === 'running' ? [] : [sandbox.status];
  parts.push(backendText(sandbox, boundary));
  if (sandbox.policy.network !== 'none') parts.push(networkBadges[sandbox.policy.network]);
  return parts.join(' · ');
}

export function spokenSummaryOf(sandbox: SandboxInfo, boundary?: Boundary): string {
  const what =
    sandbox.worktree === undefined ? `sandbox ${sandbox.name}` : `branch ${sandbox.worktree.branch}`;
  const backend =
    boundary === undefined
      ? sandbox.backend_type
      : `${sandbox.backend_type}, ${boundaryWords[boundary]} boundary`;
  return `${what}, ${sandbox.status}, ${backend}, ${networkBadges[sandbox.policy.network]}`;
}

function backendText({ backend_type }: SandboxInfo, boundary: Boundary | undefined): string {
  return boundary === undefined ? backend_type : `${backend_type} (${boundaryWords[boundary]})`;
}

/** `12% 340 MB`; nothing until it is known. */
export function loadBadge({ percent, bytes }: Load): string {
  const parts = [percent === undefined ? '' : `${percent}%`, bytes === undefined ? '' : sizeText(bytes)];
  return parts.filter(Boolean).join(' ');
}

export function spokenLoad({ percent, bytes }: Load): string {
  const parts = [
    percent === undefined ? '' : `${percent} percent of a processor`,
    bytes === undefined ? '' : `${sizeText(bytes)} of memory`,
  ];
  return parts.filter(Boolean).join(', ');
}

function sizeText(bytes: number): string {
  const [unit, size] = bytes < 1e9 ? ['MB', bytes / 1e6] : ['GB', bytes / 1e9];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

/** `ends in 2 hours`, for a running sandbox whose time is limited. */
export function remainingText({ status, expires_at }: SandboxInfo, now: number): string {
  if (expires_at === undefined || status !== 'running') return '';
  const seconds = (Date.parse(expires_at) - now) / 1_000;
  if (Number.isNaN(seconds)) return '';
  if (seconds < 60) return 'ends in less than a minute';
  const [size, unit] =
    seconds < 3_600 ? [60, 'minute'] : seconds < 86_400 ? [3_600, 'hour'] : [86_400, 'day'];
  const count = Math.floor(seconds / Number(size));
  return `ends in ${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** `↑2 ↓1 ●3`: commits that only the branch has, those that it lacks, and changed files; nothing where nothing differs. */
export function branchBadge({ ahead, behind, dirty }: BranchSummary): string {
  const parts = [
    [ahead, '↑'],
    [behind, '↓'],
    [dirty, '●'],
  ] as const;
  return parts.flatMap(([count = 0, sign]) => (count > 0 ? [`${sign}${count}`] : [])).join(' ');
}

export function spokenBadge({ ahead, behind, dirty }: BranchSummary): string {
  const parts = [
    [ahead, 'ahead'],
    [behind, 'behind'],
    [dirty, dirty === 1 ? 'changed file' : 'changed files'],
  ] as const;
  return parts.flatMap(([count = 0, what]) => (count > 0 ? [`${count} ${what}`] : [])).join(', ');
}

/** What menus look at: `sandbox+running+worktree`, and last what the backend can do. */
export function contextValueOf(sandbox: SandboxInfo, abilities?: Capabilities): string {
  const parts = ['sandbox', sandbox.status];
  if (sandbox.worktree !== undefined) parts.push('worktree');
  if (sandbox.attached) parts.push('attached');
  if (abilities?.editor === true) parts.push('editor');
  if (abilities !== undefined && abilities.snapshots !== 'none') parts.push('snapshots');
  return parts.join('+');
}

/** Label and value of every line of the tooltip. */
export function detailsOf(sandbox: SandboxInfo): readonly (readonly [string, string])[] {
  const lines: (readonly [string, string])[] = [];
  const add = (label: string, value: string | undefined) => {
    if (value !== undefined) lines.push([label, value]);
  };
  add('State', [sandbox.status, sandbox.status_reason].filter(Boolean).join(': '));
  add('Branch', sandbox.worktree?.branch);
  add('Worktree', sandbox.worktree?.path);
  add('Workspace', sandbox.worktree === undefined ? sandbox.workspace.path : undefined);
  add('Backend', `${sandbox.backend_type} (${sandbox.backend_reason})`);
  add('Network', networkBadges[sandbox.policy.network]);
  add('Git', sandbox.workspace.git === 'none' ? undefined : sandbox.workspace.git);
  add('Runtime', `${sandbox.runtime}, ${sandbox.type}`);
  add('Ports', sandbox.ports.length === 0 ? undefined : sandbox.ports.map(port => port.guest).join(', '));
  add('Started', sandbox.started_at);
  add('Expires', sandbox.expires_at);
  add('Name', `${sandbox.name}, ${sandbox.id}`);
  add('SSH', `ssh ${sandbox.ssh.alias}`);
  return lines;
}
