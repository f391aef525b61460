// What a machine is, on disk: written before anything of it exists, so that whoever comes later knows what to look for.
import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import type { DriverContext, Ref } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { parse, parseJson } from '../../protocol/parse.ts';
import { placesOf } from './places.ts';

const MachineRecord = z.strictObject({
  version: z.literal(1),
  uri: z.string(),
  name: z.string(),
  uuid: z.string(),
  /** Where the workspace really was when the sandbox was made. */
  workspace: z.string(),
  image: z.strictObject({ name: z.string(), digest: z.string() }),
  /** Of a machine that runs on another host: the storage pool there that its disk lies in. */
  far: z.optional(z.strictObject({ pool: z.string() })),
});
export type MachineRecord = z.output<typeof MachineRecord>;

type Place = Pick<DriverContext, 'state' | 'runtime'>;

export async function writeRecord(place: Place, record: MachineRecord): Promise<void> {
  await writeAtomic(placesOf(place).record, `${JSON.stringify(record)}\n`);
}

/** Undefined when nothing was made yet. */
export async function readRecord(place: Place): Promise<MachineRecord | undefined> {
  const file = placesOf(place).record;
  const text = await readTextIfExists(file);
  if (text === undefined) return undefined;
  const parsed = parseJson(MachineRecord, text);
  return parsed.ok
    ? parsed.value
    : fail('record-broken', `${file} is not understood: ${parsed.problem}`, {
        hint: 'remove the sandbox with heyvm rm; its worktree stays',
      });
}

/** Like `readRecord`, for a sandbox that must have been made. */
export async function needRecord(place: Place): Promise<MachineRecord> {
  return (await readRecord(place)) ?? fail('guest-failed', 'the machine of this sandbox was never made');
}

const LibvirtRef = z.strictObject({ version: z.literal(1), name: z.string(), uri: z.string() });

export function refOf({ name, uri }: MachineRecord): Ref {
  return { version: 1, name, uri } satisfies z.output<typeof LibvirtRef>;
}

const prefix = 'heyvm';

/** The name says whose it is, also to people who look at the list of all domains. */
export function domainName({ storeId }: Pick<DriverContext, 'storeId'>, id: string): string {
  return `${prefix}-${storeId}-${id}`;
}

/** The id of the sandbox behind a name of this store; undefined for everything else. */
export function sandboxOf({ storeId }: Pick<DriverContext, 'storeId'>, name: string): string | undefined {
  const start = `${prefix}-${storeId}-`;
  const id = name.startsWith(start) ? name.slice(start.length) : '';
  return /^sb-[0-9a-f]{8}$/.test(id) ? id : undefined;
}

/** The same for the same name, so that a repeated start changes the domain instead of adding one. */
export function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ];
  return parts.join('-');
}

/** A ref that came from a record of ours; its parts are looked up in the machine's own record. */
export function checkRef(ref: Ref): void {
  const parsed = parse(LibvirtRef, ref);
  if (!parsed.ok) fail('record-broken', `the sandbox's record has an unknown reference: ${parsed.problem}`);
}
