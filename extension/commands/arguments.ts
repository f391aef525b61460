// What a command was called on: an element of the tree, an object from a program, or nothing.
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';
import { pickSandbox, type SandboxQuestion } from '../prompts/pickSandbox.ts';

export type Asked = Readonly<Record<string, unknown>>;

/** An argument that is not an object says nothing. */
export function asked(argument: unknown): Asked {
  return isRecord(argument) ? argument : {};
}

export function textIn(argument: Asked, key: string): string | undefined {
  const value = argument[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export type SandboxWish = SandboxQuestion;

/**
 * `{sandbox}` is an id, a name, or the sandbox of a tree element; without it the person is asked.
 * Undefined when the person turned away.
 */
export async function sandboxFor(
  parts: Parts,
  argument: unknown,
  wish: SandboxWish,
): Promise<SandboxInfo | undefined> {
  const named = asked(argument)['sandbox'];
  const target = isRecord(named) ? named['id'] : named;
  if (typeof target !== 'string') return await pickSandbox(parts.sandboxes, wish);
  const { sandbox } = await parts.helper.call('sandbox/get', { sandbox: target });
  return sandbox;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
