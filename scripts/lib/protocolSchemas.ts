// The messages and records of this build as JSON schemas, so that a change of one is seen in a review.
import * as z from 'zod/mini';
import { type AgentTool, agentTools } from '../../server/protocol/agentTools.ts';
import type { Contract } from '../../server/protocol/contract.ts';
import { ErrorInfo, errorCodes } from '../../server/protocol/errors.ts';
import { helperContract, sandboxChanged } from '../../server/protocol/helper.ts';
import { ChannelHeader, ownerContract } from '../../server/protocol/owner.ts';
import { CallEnvelope, Handshake, ProgressValue } from '../../server/protocol/session.ts';
import { PROTOCOL, RECORD_VERSION } from '../../server/protocol/version.ts';
import { OwnerRecord, SandboxRecord } from '../../server/store/records.ts';

export type Golden = { readonly name: string; readonly schema: object };

export function goldenSchemas(): Golden[] {
  return [
    { name: 'version', schema: { protocol: PROTOCOL, record: RECORD_VERSION } },
    { name: 'errors', schema: { codes: errorCodes, ErrorInfo: schemaOf(ErrorInfo) } },
    { name: 'helper', schema: contractSchema(helperContract) },
    { name: 'helper-events', schema: { [sandboxChanged.method]: schemaOf(sandboxChanged.params) } },
    {
      name: 'session',
      schema: {
        Handshake: schemaOf(Handshake),
        CallEnvelope: schemaOf(CallEnvelope),
        ProgressValue: schemaOf(ProgressValue),
      },
    },
    { name: 'agent-tools', schema: toolSchemas(agentTools) },
    { name: 'owner', schema: contractSchema(ownerContract) },
    { name: 'channel', schema: { ChannelHeader: schemaOf(ChannelHeader) } },
    {
      name: 'records',
      schema: { 'sandbox.yaml': schemaOf(SandboxRecord), 'owner.json': schemaOf(OwnerRecord) },
    },
  ];
}

function contractSchema(contract: Contract): object {
  return Object.fromEntries(
    Object.entries(contract).map(([method, { about, params, result }]) => [
      method,
      { about, params: schemaOf(params), result: schemaOf(result) },
    ]),
  );
}

function toolSchemas(tools: Readonly<Record<string, AgentTool>>): object {
  return Object.fromEntries(
    Object.entries(tools).map(([name, { input, output, ...rest }]) => [
      name,
      { ...rest, input: schemaOf(input), output: schemaOf(output) },
    ]),
  );
}

function schemaOf(schema: z.ZodMiniType): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any' });
  return rest;
}
