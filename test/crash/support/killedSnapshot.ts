// A command that takes a snapshot is killed when the driver has made it and before the record knows of it.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { withLock } from '../../../server/store/lock.ts';
import type { SandboxRecord } from '../../../server/store/records.ts';
import { findEntry } from '../../../server/store/sandboxes.ts';
import type { Engine } from '../../process/support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { heyvm, startCommand } from './commands.ts';

export type Taker = {
  readonly engine: Engine;
  readonly sandbox: string;
  /** Everything that the driver keeps for snapshots of the sandbox. */
  things(): Promise<readonly string[]>;
};

/** Whether the snapshot is whole by then, or its owner is still at it. */
export type Moment = 'made' | 'begun';

/** Answers when the command is gone; its owner lives. */
export async function killTaker({ engine, sandbox, things }: Taker, moment: Moment): Promise<void> {
  const known = (await things()).length;
  const taking = async (): Promise<boolean> => (await recordOf(engine, sandbox)).taking === true;
  for (let attempt = 1; ; attempt += 1) {
    const { child, ended } = startCommand(engine.home, 'snapshot', sandbox, `killed-${attempt}`);
    const over = once(child, 'exit');
    await Promise.race([over, eventually(taking, { withinMs: 120_000, everyMs: 2, what: 'the begin' })]);
    // Whoever has this lock is the only one who writes the record, so that what was made is not written down.
    const killed = await withLock(engine.paths, `record-${sandbox}`, { wait: 'wait' }, async () => {
      if (!(await taking())) return false;
      const more = async (): Promise<boolean> => (await things()).length > known;
      if (moment === 'made') await eventually(more, { withinMs: 120_000, what: 'the snapshot' });
      child.kill('SIGKILL');
      await ended;
      return true;
    });
    if (killed) return;
    // The machine was so busy that the command was done before it was looked at.
    await ended;
    await heyvm(engine.home, 'snapshot', sandbox, '--remove', `killed-${attempt}`);
  }
}

/** The next command that only looks takes away what was not written down, and leaves what was. */
export async function assertTidied(
  { engine, sandbox, things }: Taker,
  kept: readonly string[],
): Promise<void> {
  await eventually(
    async () => {
      assert.equal((await heyvm(engine.home, 'list')).code, 0);
      assert.equal((await recordOf(engine, sandbox)).taking, undefined);
      return true;
    },
    { withinMs: 120_000, everyMs: 200, what: 'tidying up' },
  );
  assert.deepEqual(await things(), kept);
}

async function recordOf({ paths }: Engine, sandbox: string): Promise<SandboxRecord> {
  return (await findEntry(paths, sandbox)).record;
}
