// Words and pictures for a sandbox, the same wherever it is shown.
import type { Boundary, Capabilities } from '../../server/protocol/backend.ts';
import type { BranchSummary } from '../../server/protocol/reviewMethods.ts';
import type { SandboxInfo, SandboxStatus } from '../../server/protocol/sandbox.ts';

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

/** `state · network · backend`, as short as a narrow view needs: what is usual goes without saying beside the icon. */
export function summaryOf(sandbox: SandboxInfo): string {
  const parts: string[] = sandbox.status === 'running' ? [] : [sandbox.status];
  if (sandbox.policy.network !== 'none') parts.push(networkBadges[sandbox.policy.network]);
  return [...parts, sandbox.backend_type].join(' · ');
}

export function spokenSummaryOf(sandbox: SandboxInfo): string {
  const what =
    sandbox.worktree === undefined ? `sandbox ${sandbox.name}` : `branch ${sandbox.worktree.branch}`;
  return `${what}, ${sandbox.status}, ${sandbox.backend_type}, ${networkBadges[sandbox.policy.network]}`;
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
