// The tools for agents as the manifest declares them.
import * as z from 'zod/mini';
import { type AgentTool, agentTools } from '../../server/protocol/agentTools.ts';
import { TOOL_PREFIX } from '../names.ts';

const tools = Object.entries(agentTools) as [string, AgentTool][];

export const languageModelTools = tools.map(([name, { title, said, about, input }]) => {
  return {
    name: TOOL_PREFIX + name,
    toolReferenceName: referenceName(name),
    displayName: title,
    userDescription: said,
    modelDescription: about,
    canBeReferencedInPrompt: true,
    icon: '$(vm)',
    tags: ['heyvm', 'sandbox'],
    inputSchema: withoutSandbox(z.toJSONSchema(input, { io: 'input' })),
  };
});

function referenceName(name: string): string {
  return `heyvm${name.replace(/(^|_)([a-z])/g, (_, _before: string, letter: string) => letter.toUpperCase())}`;
}

/** A window on a sandbox knows which one is meant. */
function withoutSandbox({ $schema, ...schema }: z.core.JSONSchema.BaseSchema): object {
  const { sandbox, ...properties } = schema.properties ?? {};
  if (typeof sandbox !== 'object') return schema;
  const required = (schema.required ?? []).filter(name => name !== 'sandbox');
  const description = `${sandbox.description ?? ''}; that of this window when left out`;
  return { ...schema, properties: { sandbox: { ...sandbox, description }, ...properties }, required };
}
