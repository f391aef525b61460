// Gives the tools for agents to the language models of this window; the helper does what they do.
import * as vscode from 'vscode';
import type { Effect } from '../../server/protocol/effect.ts';
import { CallFailure } from '../failure.ts';
import { localFolders } from '../localFolders.ts';
import { TOOL_PREFIX } from '../names.ts';
import type { Parts } from '../parts.ts';
import { abortSignalOf } from '../progress.ts';
import { sandboxOfWindow } from '../windowSandbox.ts';

type Input = Readonly<Record<string, unknown>>;
type AgentParts = Pick<Parts, 'helper' | 'sandboxes'>;
/** As this extension's own manifest declares it, which is made from the same table as the helper's tools. */
type Declared = { readonly name: string; readonly inputSchema: { readonly properties: object } };

export type Tools = ReadonlyMap<string, vscode.LanguageModelTool<Input>>;

export function makeTools(parts: AgentParts, declared: readonly Declared[]): Tools {
  return new Map(declared.map(tool => [tool.name, toolOf(parts, tool)]));
}

export function registerTools(tools: Tools): vscode.Disposable {
  return vscode.Disposable.from(...[...tools].map(([name, tool]) => vscode.lm.registerTool(name, tool)));
}

function toolOf(parts: AgentParts, declared: Declared): vscode.LanguageModelTool<Input> {
  const name = declared.name.slice(TOOL_PREFIX.length);
  const agreed = agreements();
  return {
    prepareInvocation: async ({ input }, token) => {
      const given = await completed(parts, declared, input);
      agreed.note(input, given['sandbox']);
      const described = await parts.helper.call(
        'agent/describe',
        { name, input: given },
        { signal: abortSignalOf(token) },
      );
      const invocationMessage = `${described.title}…`;
      if (described.effect === 'reads') return { invocationMessage };
      const message = messageOf(described.facts, described.effect);
      return { invocationMessage, confirmationMessages: { title: described.title, message } };
    },
    invoke: async ({ input }, token) => {
      const sandbox = agreed.sandboxOf(input);
      const given = sandbox === undefined ? await completed(parts, declared, input) : { ...input, sandbox };
      const own = localFolders().map(({ fsPath }) => fsPath);
      const { repository } = input;
      // Another repository is shown to the person who is asked.
      const folders = typeof repository === 'string' ? [...own, repository] : own;
      const { text } = await parts.helper.call(
        'agent/call',
        { name, input: given, cwd: own[0] ?? '/', folders },
        { signal: abortSignalOf(token) },
      );
      return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
    },
  };
}

type Agreements = { note(input: Input, sandbox: unknown): void; sandboxOf(input: Input): string | undefined };

/** What was asked for, and the sandbox that a person was shown: its name may be another one's when it is done. */
function agreements(): Agreements {
  const known = new Map<string, string>();
  return {
    note: (input, sandbox) => {
      if (typeof sandbox !== 'string') return;
      known.delete(JSON.stringify(input));
      known.set(JSON.stringify(input), sandbox);
      const [oldest] = known.keys();
      if (known.size > MOST_AGREEMENTS && oldest !== undefined) known.delete(oldest);
    },
    sandboxOf: input => known.get(JSON.stringify(input)),
  };
}

/** More than are ever waited for at once. */
const MOST_AGREEMENTS = 50;

/** With the id of the sandbox; a tool on a sandbox means that of this window when it names none. */
async function completed(
  { helper, sandboxes }: AgentParts,
  { inputSchema }: Declared,
  input: Input,
): Promise<Input> {
  const wantsOne = 'sandbox' in inputSchema.properties;
  if (!wantsOne) return input;
  const { sandbox: named } = input;
  if (typeof named === 'string') {
    const { sandbox } = await helper.call('sandbox/get', { sandbox: named });
    return { ...input, sandbox: sandbox.id };
  }
  if (named !== undefined) return input;
  await sandboxes.load();
  const own = sandboxOfWindow(sandboxes.all);
  if (own !== undefined) return { ...input, sandbox: own.id };
  throw new CallFailure({
    code: 'usage',
    message: 'this window is not that of a sandbox, and none is named',
    hint: 'name one by its id; heyvm_list_sandboxes lists them',
  });
}

/** Values come from a model, so they are shown as text and never read as Markdown. */
function messageOf(
  facts: readonly { readonly name: string; readonly value: string }[],
  effect: Effect,
): vscode.MarkdownString {
  const message = new vscode.MarkdownString();
  for (const { name, value } of facts) {
    message.appendText(`${name}: `);
    if (name === 'argv' || value.includes('\n')) message.appendCodeblock(value, 'sh');
    else message.appendText(`${value}\n\n`);
  }
  if (effect === 'destroys') message.appendMarkdown('**This cannot be taken back.**');
  return message;
}
