// Says what a tool would do before it does it, so that a person can decide.
import { WORKSPACE } from '../core/launch.ts';
import { agentTools, type ToolName } from '../protocol/agentTools.ts';
import type { Call } from '../protocol/contract.ts';
import type { Effect } from '../protocol/effect.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { SandboxInfo } from '../protocol/sandbox.ts';
import { parseInput } from './agents.ts';

export type Fact = { readonly name: string; readonly value: string };

export type Description = {
  readonly title: string;
  readonly effect: Effect;
  readonly facts: readonly Fact[];
};

type Given = Readonly<Record<string, unknown>>;

/** Fails like the call itself would when the input does not fit or there is no such sandbox. */
export async function describeTool(
  { name, input }: { readonly name: ToolName; readonly input: unknown },
  call: Call<HelperContract, AbortSignal>,
  signal: AbortSignal,
): Promise<Description> {
  const given = parseInput(name, input) as Given;
  const { title, effect } = agentTools[name];
  const { sandbox: target, ...rest } = given;
  if (typeof target !== 'string') return { title, effect, facts: [...factsOf(rest), ...unsaid(name, rest)] };
  const { sandbox } = await call('sandbox/get', { sandbox: target }, { signal });
  const folder = name === 'exec' && rest['cwd'] === undefined ? [{ name: 'cwd', value: WORKSPACE }] : [];
  return { title, effect, facts: [...factsOf(rest), ...folder, ...placeOf(sandbox)] };
}

/** A person who agrees to a new sandbox must know that its network may be open although nobody says so here. */
function unsaid(name: ToolName, given: Given): Fact[] {
  if (name !== 'create_sandbox' || given['network'] !== undefined) return [];
  return [{ name: 'network', value: 'as the settings say, none unless they open it' }];
}

/** Where it happens, and what that place reaches. */
function placeOf({ name, backend_type, policy, worktree, workspace }: SandboxInfo): Fact[] {
  const shown = worktree === undefined ? workspace.path : `${worktree.path} (branch ${worktree.branch})`;
  return [
    { name: 'sandbox', value: `${name}, ${backend_type}` },
    { name: WORKSPACE, value: shown },
    { name: 'network', value: policy.network },
  ];
}

function factsOf(given: Given): Fact[] {
  return Object.entries(given).map(([name, value]) => ({ name, value: wordsOf(name, value) }));
}

/** Long texts are named by their size: what matters is where they go. */
function wordsOf(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map(word => quoted(String(word))).join(' ');
  if (typeof value === 'object' && value !== null) return Object.keys(value).join(', ');
  const text = String(value);
  return name === 'content' || name === 'stdin' ? `${Buffer.byteLength(text)} bytes` : text;
}

/** As a shell would need it, which is how people read commands. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
