// Saving a machine's moment into a file and going on from it, in as few processes as possible.
//
// libvirt forbids its QEMU to start programs, so the file is opened here and handed to QEMU through virsh.
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { fail } from '../../../core/errors.ts';
import type { RunResult } from '../../../core/ports.ts';
import { parseJson } from '../../../protocol/parse.ts';
import type { Line } from '../line.ts';
import { type Command, type Libvirt, saidBy } from '../virsh.ts';

/** Whether memory that lies in a file of its own is left out, because that file is kept with the moment. */
export type MemoryIn = 'file' | 'moment';

/** The machine stands still afterwards; a failed save leaves it so as well. */
export async function saveMoment(
  libvirt: Libvirt,
  name: string,
  { to, memory }: { to: string; memory: MemoryIn },
): Promise<void> {
  const file = await open(to, 'w', 0o600);
  try {
    const started = await libvirt.hand(
      [file.fd],
      ['suspend', name],
      ...limits(name),
      leaveOut(name, memory === 'file'),
      take(name),
      monitor(name, 'migrate', { uri: `fd:${FILE}` }),
    );
    refuse(started, 'save');
    await whenSaved(libvirt, name);
  } finally {
    await file.close();
  }
}

/** Also while it is still being saved, at the end of which QEMU would let it stand still again. */
export async function goOn(libvirt: Libvirt, name: string): Promise<void> {
  await libvirt.attempt(monitor(name, 'migrate_cancel'));
  await poll(async () => {
    const { status = 'none' } = answerOf(Progress, await ask(libvirt, name, 'query-migrate')).return;
    return ['none', 'completed', 'failed', 'cancelled'].includes(status);
  });
  await libvirt.call(['resume', name]);
}

export type WaitingDomain = {
  readonly name: string;
  /** As it waits for the moment. */
  readonly description: string;
  /** As it is when it is started another time. */
  readonly definition: string;
};

/** A machine that goes on and answers already, while libvirt is still told about it. */
export type Resumed = { readonly line: Line; readonly settled: Promise<void> };

/** Makes the domain of `description` go on from the moment; answers when it runs, and `settleMoment` has to follow. */
export async function resumeMoment(
  libvirt: Libvirt,
  { name, description, definition }: WaitingDomain,
  { from, memory }: { from: string; memory: MemoryIn },
): Promise<void> {
  const file = await open(from, 'r');
  try {
    const result = await libvirt.hand(
      [file.fd],
      ['define', definition],
      ['create', '--paused', description],
      leaveOut(name, memory === 'file'),
      take(name),
      monitor(name, 'migrate-incoming', { uri: `fd:${FILE}` }),
      // Told while it still loads, QEMU goes on by itself as soon as it can.
      ['resume', name],
      monitor(name, 'query-status'),
    );
    refuse(result, 'go on from a saved moment');
    await whenLoaded(libvirt, name, result);
  } finally {
    await file.close();
  }
}

/** libvirt does not know this switch, so it would stay as it is and change how libvirt itself saves the machine. */
export function settleMoment(libvirt: Libvirt, name: string): Promise<void> {
  const settled = libvirt
    .attempt(leaveOut(name, false))
    .then(result => refuse(result, 'go on from a saved moment'));
  // Whoever waits for it hears of it.
  settled.catch(() => undefined);
  return settled;
}

const FILE = 'heyvm-moment';
const POLL_MS = 20;
const PATIENCE_MS = 60_000;

function monitor(name: string, execute: string, words?: Readonly<Record<string, unknown>>): Command {
  const message = words === undefined ? { execute } : { execute, arguments: words };
  return ['qemu-monitor-command', name, JSON.stringify(message)];
}

/** What virsh passes on is its own descriptor, which is the first after the three that every program has. */
function take(name: string): Command {
  const message = JSON.stringify({ execute: 'getfd', arguments: { fdname: FILE } });
  return ['qemu-monitor-command', '--pass-fds', '3', name, message];
}

function leaveOut(name: string, state: boolean): Command {
  const capabilities = [{ capability: 'x-ignore-shared', state }];
  return monitor(name, 'migrate-set-capabilities', { capabilities });
}

/** A plain file takes everything at once. */
function limits(name: string): Command[] {
  return [monitor(name, 'migrate-set-parameters', { 'max-bandwidth': 2 ** 40 })];
}

const Progress = z.object({
  return: z.object({ status: z.optional(z.string()), 'error-desc': z.optional(z.string()) }),
});

async function whenSaved(libvirt: Libvirt, name: string): Promise<void> {
  await poll(async () => {
    const { status, 'error-desc': why } = answerOf(
      Progress,
      await ask(libvirt, name, 'query-migrate'),
    ).return;
    if (status === 'failed' || status === 'cancelled') {
      fail('guest-failed', `the machine cannot be saved: ${why ?? status}`);
    }
    return status === 'completed';
  });
}

const Status = z.object({ return: z.object({ status: z.string() }) });

async function whenLoaded(libvirt: Libvirt, name: string, first: RunResult): Promise<void> {
  let text = first.stdout.trim().split('\n').at(-1) ?? '';
  await poll(async () => {
    const { status } = answerOf(Status, text).return;
    if (status === 'running') return true;
    // It stood still when it was saved; told to go on before it has loaded, it comes up so all the same.
    if (status === 'paused') await libvirt.call(monitor(name, 'cont'));
    else if (status !== 'inmigrate') fail('guest-failed', `the machine did not go on, it is ${status}`);
    text = await ask(libvirt, name, 'query-status');
    return false;
  });
}

async function ask(libvirt: Libvirt, name: string, question: string): Promise<string> {
  return libvirt.call(monitor(name, question));
}

async function poll(isDone: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (!(await isDone())) {
    if (Date.now() > until) fail('timeout', 'QEMU neither saved nor loaded the machine in time');
    await delay(POLL_MS);
  }
}

function answerOf<S extends z.ZodMiniType>(schema: S, text: string): z.output<S> {
  const parsed = parseJson(schema, text.trim());
  return parsed.ok
    ? parsed.value
    : fail('command-failed', `QEMU's answer is not understood: ${parsed.problem}`);
}

/** virsh goes on after a command of several that fails, and says so on its standard error alone. */
function refuse(result: RunResult, what: string): void {
  const said = /"error":\s*\{.*?"desc":\s*"([^"]*)"/.exec(result.stdout)?.[1];
  if (result.code === 0 && result.stderr.trim() === '' && said === undefined) return;
  fail(
    'guest-failed',
    `the machine cannot ${what === 'save' ? 'be saved' : what}: ${said ?? saidBy(result)}`,
  );
}
