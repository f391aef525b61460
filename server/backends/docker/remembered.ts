// What the driver remembers of a sandbox: in which engine its container is, how it is called, and from what it was made.
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { DriverContext, Ref } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { type Address, formatAddress, parseAddress, type Tls } from '../../engine/address.ts';
import { readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { parse, parseJson } from '../../protocol/parse.ts';

const Remembered = z.strictObject({
  version: z.literal(1),
  engine: z.string(),
  tls: z.optional(z.strictObject({ folder: z.string(), verify: z.boolean() })),
  container: z.string(),
  sandbox: z.string(),
  /** The engine's id of the image. */
  image: z.string(),
  /** Where the workspace really was when the sandbox was made. */
  workspace: z.string(),
});
export type Remembered = z.output<typeof Remembered>;

/**
 * The file comes before anything in the engine, so that whoever comes after a sudden end knows where to look. After a
 * loss of power the record of the sandbox knows the same, and a sweep finds what has no record.
 */
export async function remember({ state }: Pick<DriverContext, 'state'>, what: Remembered): Promise<Ref> {
  await writeAtomic(fileOf(state), `${JSON.stringify(what)}\n`, { durability: 'quick' });
  return { ...what };
}

/** From the driver's folder, or from the record of the sandbox when that was lost; undefined when there is nothing. */
export async function recall(
  { state }: Pick<DriverContext, 'state'>,
  ref: Ref,
): Promise<Remembered | undefined> {
  const text = await readTextIfExists(fileOf(state));
  const kept = text === undefined ? undefined : parseJson(Remembered, text);
  if (kept?.ok === true) return kept.value;
  const told = parse(Remembered, ref);
  return told.ok ? told.value : undefined;
}

export async function recallOrFail(context: Pick<DriverContext, 'state'>, ref: Ref): Promise<Remembered> {
  const known = await recall(context, ref);
  return known ?? fail('record-broken', 'the sandbox’s record does not say where its container is');
}

export function engineOf({ engine, tls }: Pick<Remembered, 'engine' | 'tls'>): Address {
  return parseAddress(engine, tls);
}

export function engineWords(address: Address): Pick<Remembered, 'engine' | 'tls'> {
  const tls: Tls | undefined = address.kind === 'tcp' ? address.tls : undefined;
  return {
    engine: formatAddress(address),
    ...(tls === undefined || tls.folder === '' ? {} : { tls: { ...tls } }),
  };
}

function fileOf(state: string): string {
  return join(state, 'container.json');
}
