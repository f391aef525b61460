// A running guest with the attack program inside, for the tests that try to get out of it.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bubblewrap } from '../../server/backends/bubblewrap/index.ts';
import type { LaunchRequest } from '../../server/core/backend.ts';
import type { Guest } from '../../server/core/guest.ts';
import { run } from '../../server/platform/run.ts';
import type { Capabilities } from '../../server/protocol/backend.ts';
import { type Bench, machineContext, makeBench, type Outcome, runIn } from '../contract/bench.ts';

export type Attacker = {
  readonly bench: Bench;
  readonly guest: Guest;
  readonly capabilities: Capabilities;
  /** Runs a script inside. */
  sh(script: string): Promise<Outcome>;
  /** Tries one call of the kernel; `OK`, an error's name, or the signal that ended it. */
  attack(name: string, pid?: number): Promise<string>;
};

type Declared = { readonly change?: Partial<LaunchRequest>; prepare?(bench: Bench): void };

/** Declares hooks that start one guest for a whole suite; without a compiler or bubblewrap the suite is not run. */
export function withAttacker(declared: Declared = {}): () => Attacker {
  let attacker: Attacker | undefined;

  before(async function () {
    const signal = AbortSignal.timeout(30_000);
    const driver = await bubblewrap.load();
    const found = await driver.probe(machineContext(signal));
    if (found.kind !== 'ready') {
      console.log(`not run: ${found.kind === 'missing' ? found.what : found.why}`);
      return this.skip();
    }
    const program = await compiled();
    if (program === undefined) {
      console.log('not run: there is no C compiler to build the attacks with');
      return this.skip();
    }
    const bench = await makeBench(bubblewrap);
    copyFileSync(program, join(bench.workspace, 'attack'));
    declared.prepare?.(bench);
    const { guest } = await bench.start(declared.change);
    attacker = {
      ...{ bench, guest, capabilities: found.capabilities },
      sh: script => runIn(guest, script),
      async attack(name, pid = 1) {
        const { status, stdout, stderr } = await runIn(guest, ['/workspace/attack', name, String(pid)]);
        if (status.kind === 'signalled') return status.signal;
        if (status.code !== 0) throw new Error(stderr);
        return stdout.trim();
      },
    };
  });

  after(async () => {
    await attacker?.bench.dispose();
    attacker = undefined;
  });

  return () => attacker!;
}

let program: Promise<string | undefined> | undefined;

function compiled(): Promise<string | undefined> {
  program ??= compile();
  return program;
}

async function compile(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'hva-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const source = join(import.meta.dirname, 'fixtures', 'attack.c');
  const output = join(folder, 'attack');
  try {
    await run(['cc', '-O1', '-o', output, source], { timeoutMs: 60_000 });
    return output;
  } catch (error) {
    // No compiler is a reason not to run; a program that does not compile is a defect of the tests.
    if (error instanceof Error && /ENOENT|not found/.test(error.message)) return undefined;
    throw error;
  }
}
