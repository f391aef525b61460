// What only the owner of a machine may ask its guest program: to become what it shall be, to let go, and to end.
import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { parse } from '../protocol/parse.ts';
import { openChannel } from './client.ts';

const Name = z.string().check(z.regex(/^[A-Za-z0-9.-]{1,63}$/));
const AbsolutePath = z.string().check(z.regex(/^\//));

/** Everything is optional; the same again changes nothing. */
export const GuestSetup = z.strictObject({
  hostname: z.optional(Name),
  machine_id: z.optional(z.string().check(z.regex(/^[0-9a-f]{32}$/))),
  time_ms: z.optional(z.int()),
  /** Base64; credited to the machine's source of randomness. */
  entropy: z.optional(z.string()),
  /** As whom programs run; it is added to the machine's users when it is missing. */
  user: z.optional(z.strictObject({ name: z.string(), uid: z.int(), gid: z.int(), home: AbsolutePath })),
  /** In this order; what an earlier setup mounted and this one does not name is taken away. */
  shares: z.optional(
    z.array(z.strictObject({ tag: z.string(), kind: z.enum(['9p', 'virtiofs', 'sftp']), at: AbsolutePath })),
  ),
  binds: z.optional(
    z.array(z.strictObject({ from: AbsolutePath, to: AbsolutePath, mode: z.enum(['ro', 'rw']) })),
  ),
  /** For the first network card, such as `10.0.2.15/24`. */
  network: z.optional(
    z.strictObject({
      /** Its own, in the place of the one that the card came with. */
      mac: z.optional(z.string().check(z.regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/))),
      address: z.string(),
      gateway: z.optional(z.string()),
      dns: z.optional(z.array(z.string())),
    }),
  ),
  /** In OpenSSH's format: what the machine's own ssh server says who it is with, where it has one. */
  ssh_host_key: z.optional(z.strictObject({ private: z.string(), public: z.string() })),
  env: z.optional(z.record(z.string(), z.string())),
  workdir: z.optional(AbsolutePath),
});
export type GuestSetup = z.output<typeof GuestSetup>;

export type Connect = () => Promise<Duplex>;

export type BusyProcess = { readonly pid: number; readonly command: string };

export async function setupGuest(connect: Connect, setup: GuestSetup): Promise<void> {
  await ask(connect, { op: 'setup', setup });
}

/** Takes all mounts of the setup away, or none and says who holds them. */
export async function releaseGuest(
  connect: Connect,
  patienceMs: number = ANSWER_MS,
): Promise<readonly BusyProcess[]> {
  const parsed = parse(Released, await ask(connect, { op: 'release' }, patienceMs));
  return parsed.ok ? parsed.value.busy : fail('internal', `the answer is not understood: ${parsed.problem}`);
}

/** Answers when the machine begins to end; it is off when everything is on its disk. */
export async function shutdownGuest(connect: Connect): Promise<void> {
  await ask(connect, { op: 'shutdown' });
}

const Released = z.object({
  busy: z._default(z.array(z.object({ pid: z.int(), command: z.string() })), []),
});

/** A connection on which the guest asks for the files of a share of the kind `sftp`, in that protocol. */
export async function serveShare(connect: Connect, tag: string): Promise<Duplex> {
  const header: ControlHeader = { op: 'share', tag };
  return (await openChannel(await connect(), header)).socket;
}

type ControlHeader =
  | { readonly op: 'setup'; readonly setup: GuestSetup }
  | { readonly op: 'share'; readonly tag: string }
  | { readonly op: 'release' | 'shutdown' };

/** To write out what is not on its disk yet may take a machine long; more than this is no answer. */
const ANSWER_MS = 120_000;

async function ask(
  connect: Connect,
  header: ControlHeader,
  patienceMs: number = ANSWER_MS,
): Promise<Readonly<Record<string, unknown>>> {
  const stream = await connect();
  let late = false;
  // A guest that keeps silent must not hold up whoever waits for the sandbox.
  const timer = setTimeout(() => {
    late = true;
    stream.destroy();
  }, patienceMs);
  try {
    return (await openChannel(stream, header)).reply;
  } catch (error) {
    if (!late) throw error;
    return fail('timeout', `the guest did not answer to ${header.op} in ${patienceMs / 1000} seconds`, {
      hint: 'look at its log; heyvm stop ends it, by force where it has to',
    });
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}
