// The contract between an owner and those who talk to it over its control socket.
// A control connection opens with one header frame: `rpc` goes on as JSON-RPC with these methods, `exec` and
// `dial` go on as the channel protocol of server/wire, `hold` keeps an attached sandbox alive while it is open, and
// `stop` is answered at once; the end of the process then says that everything is over.
import * as z from 'zod/mini';
import type { Contract } from './contract.ts';
import { DialTarget, ExecRequest, SignalName, TerminalSize } from './exec.ts';
import { SandboxId } from './sandbox.ts';

/** Names one running program of a guest, chosen by who starts it, so that others can signal or resize it. */
export const ProcessKey = z.string().check(z.regex(/^[A-Za-z0-9-]{1,64}$/));

export const ChannelHeader = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('rpc') }),
  z.strictObject({ op: z.literal('hold') }),
  z.strictObject({ op: z.literal('stop'), grace_ms: z.int(), reason: z.string() }),
  z.strictObject({ op: z.literal('ping') }),
  z.strictObject({ op: z.literal('exec'), key: ProcessKey, request: ExecRequest }),
  z.strictObject({ op: z.literal('signal'), key: ProcessKey, signal: SignalName }),
  z.strictObject({ op: z.literal('resize'), key: ProcessKey, size: TerminalSize }),
  z.strictObject({ op: z.literal('dial'), target: DialTarget }),
  z.strictObject({ op: z.literal('sftp') }),
  z.strictObject({ op: z.literal('ports') }),
]);
export type ChannelHeader = z.output<typeof ChannelHeader>;

export const OwnerState = z.enum(['starting', 'running', 'paused', 'stopping']);
export type OwnerState = z.output<typeof OwnerState>;

export const ownerContract = {
  'owner/hello': {
    about: 'Exchanges versions; the first call on every connection.',
    params: z.object({ major: z.int(), minor: z.int(), client: z.string() }),
    result: z.object({
      major: z.int(),
      minor: z.int(),
      id: SandboxId,
      pid: z.int(),
      state: OwnerState,
      attached: z.boolean(),
    }),
  },
  'owner/watch': {
    about: 'Answers when the state is no longer the given one; used to push changes.',
    params: z.object({ state: OwnerState }),
    result: z.object({ state: OwnerState }),
  },
  'owner/keep': {
    about: 'Makes an attached sandbox outlive its client.',
    params: z.object({}),
    result: z.object({}),
  },
  'owner/pause': { about: 'Programs inside stand still.', params: z.object({}), result: z.object({}) },
  'owner/resume': { about: 'Programs inside go on.', params: z.object({}), result: z.object({}) },
  'owner/suspend': {
    about: 'Writes the guest to disk and ends the owner; answers when the guest is gone.',
    params: z.object({}),
    result: z.object({}),
  },
  'owner/snapshot': {
    about: 'Takes a snapshot of the running guest, which goes on; answers what finds it again.',
    params: z.object({ name: z.string(), memory: z.boolean() }),
    result: z.object({
      ref: z.record(z.string(), z.unknown()),
      memory: z.boolean(),
      why: z.optional(z.string()),
    }),
  },
  'owner/settle': {
    about:
      'Answers when nothing is being done to the guest any more, such as a snapshot that nobody waits for.',
    params: z.object({}),
    result: z.object({}),
  },
  'owner/listen': {
    about: 'Offers ssh on a port of loopback for who has the key of the sandbox, or ends that.',
    params: z.object({ on: z.boolean(), port: z.optional(z.int()) }),
    result: z.object({ port: z.optional(z.int()) }),
  },
  'owner/command': {
    about: 'What the command of the project does; starts it when it does not run, if that is asked for.',
    params: z.object({ start: z.boolean() }),
    result: z.object({ state: z.enum(['none', 'running', 'ended']), exit_code: z.optional(z.int()) }),
  },
} as const satisfies Contract;
export type OwnerContract = typeof ownerContract;
