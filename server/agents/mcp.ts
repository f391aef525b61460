// The tools as a server of the Model Context Protocol over standard input and output.
import type {
  CallToolResult,
  ProgressToken,
  ServerNotification,
  Tool,
} from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod/mini';
import { toSandboxError } from '../core/errors.ts';
import { type AgentTool, agentTools, type ToolName } from '../protocol/agentTools.ts';
import type { Call, Progress } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';

export type McpOptions = {
  readonly call: Call<HelperContract, AbortSignal>;
  /** The folder that a call on repositories means when it names none. */
  readonly cwd: string;
  /** Whose repositories may be opened. */
  readonly folders: readonly string[];
  readonly version: string;
  /** With `reads` only the tools that look. */
  readonly tools: 'all' | 'reads';
};

const instructions =
  'Every sandbox is an isolated place to run code. Open a branch with create_sandbox, work in it with exec, read_file and write_file, look at the result with diff_branch, bring it back with merge_branch. Programs run inside and reach nothing of the host but the worktree of the branch.';

/** Resolves when the other side has left. */
export async function serveMcp(options: McpOptions): Promise<void> {
  const sdk = await import('./sdk.ts');
  const server = new sdk.Server(
    { name: 'heyvm', title: 'heyvm sandboxes', version: options.version },
    { capabilities: { tools: {} }, instructions },
  );
  const offered = (Object.entries(agentTools) as [ToolName, AgentTool][]).filter(
    ([, { effect }]) => options.tools === 'all' || effect === 'reads',
  );
  server.setRequestHandler(sdk.ListToolsRequestSchema, () => ({ tools: offered.map(toTool) }));
  server.setRequestHandler(sdk.CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const token = params._meta?.progressToken;
    const progress = token === undefined ? () => {} : reporter(token, sendNotification);
    return await answer(options, { name: params.name, input: params.arguments ?? {} }, { signal, progress });
  });
  const closed = new Promise<void>(resolve => {
    server.onclose = resolve;
  });
  // The transport does not notice by itself that its client has left.
  process.stdin.once('end', () => void server.close());
  await server.connect(new sdk.StdioServerTransport());
  await closed;
}

type Asked = { readonly name: string; readonly input: unknown };
type Options = { readonly signal: AbortSignal; readonly progress: (progress: Progress) => void };

async function answer(
  { call, cwd, folders, tools }: McpOptions,
  { name, input }: Asked,
  options: Options,
): Promise<CallToolResult> {
  try {
    const asked = { name, input, cwd, folders: [...folders], tools };
    const { text, output } = await call('agent/call', asked, options);
    return { content: [{ type: 'text', text }], structuredContent: output };
  } catch (thrown) {
    const { code, message, hint } = toSandboxError(thrown);
    return refused([`${code}: ${message}`, ...(hint === undefined ? [] : [hint])].join('\n'));
  }
}

function refused(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}

function toTool([name, { title, about, effect, input, output }]: [ToolName, AgentTool]): Tool {
  return {
    name,
    title,
    description: about,
    inputSchema: objectSchema(input, 'input'),
    outputSchema: objectSchema(output, 'output'),
    annotations: {
      title,
      readOnlyHint: effect === 'reads',
      destructiveHint: effect === 'destroys',
      openWorldHint: false,
    },
  };
}

function objectSchema(schema: z.ZodMiniType, io: 'input' | 'output'): Tool['inputSchema'] {
  return { ...z.toJSONSchema(schema, { io }), type: 'object' } as Tool['inputSchema'];
}

/** Its numbers only grow, as the protocol asks; the words say where the work is. */
function reporter(
  progressToken: ProgressToken,
  send: (notification: ServerNotification) => Promise<void>,
): (progress: Progress) => void {
  let count = 0;
  return ({ phase, detail }) => {
    count += 1;
    const message = detail === undefined ? phase : `${phase}: ${detail}`;
    const params = { progressToken, progress: count, message };
    // Whoever asked has left; the call itself is cancelled by that.
    void send({ method: 'notifications/progress', params }).catch(() => {});
  };
}
