// From a described machine to one that answers: waits with progress, and gives the reason when it comes to nothing.
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverContext } from '../../core/backend.ts';
import { fail, SandboxError } from '../../core/errors.ts';
import { guestOver } from '../../wire/client.ts';
import { type Condition, conditionOf } from './condition.ts';
import { type ConsoleReader, readConsole } from './console.ts';
import { type Line, lineTo } from './line.ts';
import type { Places } from './places.ts';
import type { Libvirt } from './virsh.ts';

export type Booting = {
  readonly context: DriverContext;
  readonly libvirt: Libvirt;
  readonly name: string;
  readonly places: Places;
  /** To the machine that was started just now; over its socket when it is left out. */
  readonly line?: Line;
  readonly patienceMs: number;
};

/** The line, once the guest program answers; closed when it comes to nothing. */
export async function awaitReady(booting: Booting): Promise<Line> {
  const { context, places, patienceMs, line = lineTo(places.port) } = booting;
  const console = await readConsole(places.console);
  const late = AbortSignal.timeout(patienceMs);
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, late, over.signal]);
  try {
    await Promise.race([answers(line, signal), watch(booting, console, over.signal)]);
    return line;
  } catch (error) {
    line.close();
    context.signal.throwIfAborted();
    await console.read();
    if (late.aborted)
      fail('guest-failed', `the machine did not answer in ${patienceMs / 1000} seconds${said(console)}`);
    const condition = await conditionOf(booting.libvirt, booting.name);
    if (condition.kind === 'off') failedBoot(condition, console);
    throw error;
  } finally {
    over.abort();
  }
}

/** The end of the line may be up before what it leads to. */
async function answers(line: Line, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await guestOver(() => line.connect(signal)).ping();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SandboxError) || error.code !== 'not-running') throw error;
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}

const RETRY_MS = 20;
const LOOK_MS = 250;
/** Asking libvirt costs a process; a machine that ends closes its line, which is noticed at once. */
const LOOKS_PER_QUESTION = 16;

/** Never resolves; rejects when the machine has ended. */
async function watch(
  { context, libvirt, name }: Booting,
  console: ConsoleReader,
  over: AbortSignal,
): Promise<never> {
  for (let look = 1; ; look += 1) {
    await delay(LOOK_MS, undefined, { signal: AbortSignal.any([over, context.signal]) });
    for (const words of await console.read()) {
      context.log(`console: ${words}`);
      context.progress({ phase: 'booting', detail: words });
    }
    if (look % LOOKS_PER_QUESTION !== 0) continue;
    const condition = await conditionOf(libvirt, name);
    if (condition.kind === 'off') failedBoot(condition, console);
    if (condition.kind === 'full') fail('storage', condition.why);
  }
}

function failedBoot(condition: Extract<Condition, { kind: 'off' }>, console: ConsoleReader): never {
  return fail('guest-failed', `the machine ended while it booted: ${condition.why}${said(console)}`, {
    hint: 'heyvm logs shows what it wrote to its console',
  });
}

function said(console: ConsoleReader): string {
  const words = console.lastWords();
  return words === '' ? '' : `; its console ended with: ${words}`;
}
