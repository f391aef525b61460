// What only the host tells a machine's guest program: who it is, what it is shown, and that it shall end.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import type { DriverContext } from '../../core/backend.ts';
import { fail, fromErrorInfo } from '../../core/errors.ts';
import { readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { parseJson } from '../../protocol/parse.ts';
import { readFrame } from '../../wire/decoder.ts';
import { encodeMessage } from '../../wire/encoder.ts';
import { FrameType } from '../../wire/frames.ts';

const Setup = z.strictObject({
  hostname: z.string(),
  machine_id: z.string(),
  user: z.strictObject({ name: z.string(), uid: z.int(), gid: z.int(), home: z.string() }),
  shares: z.array(z.strictObject({ tag: z.string(), kind: z.enum(['9p', 'virtiofs']), at: z.string() })),
  binds: z.array(z.strictObject({ from: z.string(), to: z.string(), mode: z.enum(['ro', 'rw']) })),
  network: z.optional(z.strictObject({ address: z.string(), gateway: z.string(), dns: z.array(z.string()) })),
  env: z.record(z.string(), z.string()),
  workdir: z.string(),
});
export type Setup = z.output<typeof Setup>;

export type Connect = () => Promise<Duplex>;

export type BusyProcess = { readonly pid: number; readonly command: string };

/** Kept, because whoever takes the mounts away for a moment has to give them back. */
export async function writeSetup({ state }: Pick<DriverContext, 'state'>, setup: Setup): Promise<void> {
  await writeAtomic(join(state, 'setup.json'), JSON.stringify(setup), { durability: 'quick' });
}

/** Undefined for a machine that was never set up, or by a version that did not keep it. */
export async function readSetup({ state }: Pick<DriverContext, 'state'>): Promise<Setup | undefined> {
  const parsed = parseJson(Setup, (await readTextIfExists(join(state, 'setup.json'))) ?? '');
  return parsed.ok ? parsed.value : undefined;
}

/** Gives the guest its identity and its mounts; the same again changes nothing. */
export async function tellSetup(connect: Connect, setup: Setup): Promise<void> {
  const moment = { time_ms: Date.now(), entropy: randomBytes(64).toString('base64') };
  await ask(connect, { op: 'setup', setup: { ...setup, ...moment } });
}

/** Takes the mounts away again, or says which programs hold them. */
export async function tellRelease(
  connect: Connect,
  patienceMs: number = ANSWER_MS,
): Promise<readonly BusyProcess[]> {
  return (await ask(connect, { op: 'release' }, patienceMs)).busy ?? [];
}

/** Everything is on the disk when the machine is off. */
export async function tellShutdown(connect: Connect): Promise<void> {
  await ask(connect, { op: 'shutdown' });
}

const Reply = z.union([
  z.looseObject({
    ok: z.literal(true),
    busy: z.optional(z.array(z.looseObject({ pid: z.int(), command: z.string() }))),
  }),
  z.looseObject({ ok: z.literal(false), error: z.unknown() }),
]);
type Header = Readonly<Record<string, unknown>> & { readonly op: string };
type Said = Extract<z.output<typeof Reply>, { ok: true }>;

/** To write out what is not on its disk yet may take a machine long; more than this is no answer. */
const ANSWER_MS = 120_000;

async function ask(connect: Connect, header: Header, patienceMs: number = ANSWER_MS): Promise<Said> {
  const stream = await connect();
  // It may break at any time; the read below finds out.
  stream.on('error', () => {});
  const late = AbortSignal.timeout(patienceMs);
  // A guest that keeps silent must not hold up whoever waits for the sandbox.
  const onLate = (): void => void stream.destroy();
  late.addEventListener('abort', onLate);
  try {
    stream.write(encodeMessage(FrameType.header, header));
    const frame = await readFrame(stream);
    if (late.aborted) {
      return fail('timeout', `the guest did not answer to ${header.op} in ${patienceMs / 1000} seconds`, {
        hint: 'look at its log; heyvm stop ends it, by force where it has to',
      });
    }
    if (frame?.type !== FrameType.reply) {
      return fail('not-running', `the guest ended before it answered to ${header.op}`);
    }
    const parsed = parseJson(Reply, frame.payload.toString());
    if (!parsed.ok)
      return fail('internal', `the answer to ${header.op} is not understood: ${parsed.problem}`);
    if (parsed.value.ok) return parsed.value;
    throw fromErrorInfo(parsed.value.error, `the guest refused ${header.op} without a reason`);
  } finally {
    late.removeEventListener('abort', onLate);
    stream.destroy();
  }
}
