// A repository, a jail with a private git folder of its own, and an import by the host, for tests of hostile guests.
import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../../server/core/errors.ts';
import type { SandboxId } from '../../../server/protocol/sandbox.ts';
import type { ImportResult } from '../../../server/protocol/worktree.ts';
import { importCommits } from '../../../server/worktrees/importing.ts';
import { privateOf } from '../../../server/worktrees/privatePlaces.ts';
import type { Server } from '../../../server/worktrees/uploadPack.ts';
import { canJail, type Jail, openJail } from './jail.ts';
import { makeSiege, plantScript, type Siege } from './siege.ts';

const sandbox = 'sb-00000001' as SandboxId;

/** Where imports of these tests go. */
export const MINE = `refs/heyvm/${sandbox}`;

export type Hostile = {
  siege(): Siege;
  jail(): Jail;
  server(): Server;
  /** Runs inside, with `$C` and `$O` being what takes the place of the repository and of the worktree's own folder. */
  plant(script: string): void;
  bring(): Promise<ImportResult>;
  /** What it failed with, having left nothing behind. */
  refused(work?: Promise<unknown>): Promise<SandboxError>;
  /** The guest's git folder, as it lies on the host. */
  folder(): string;
};

/** Declares hooks that make a new one for every test. */
export function withHostile(): Hostile {
  let siege: Siege;
  let jail: Jail;

  before(function () {
    if (canJail()) return;
    console.log('not run: bubblewrap cannot make a jail on this machine');
    this.skip();
  });
  beforeEach(async () => {
    siege = await makeSiege();
    jail = await openJail(siege.lab, siege.worktree, 'private');
  });
  afterEach(() => siege.lab.dispose());

  /** With `$C` and `$O` being what takes the place of the repository and of the worktree's own folder inside. */
  const plant = (script: string): void => {
    const input = plantScript(siege, `C=/git/host; O=/git/private; ${script}\necho planted`);
    assert.match(jail.sh(input).stdout, /planted/);
  };
  const server = () => ({ guest: jail.guest, repository: siege.repository });
  const bring = async (): Promise<ImportResult> =>
    (await importCommits(siege.lab.host, { target: siege.target, server: server(), sandbox })).result;
  const refused = async (work: Promise<unknown> = bring()): Promise<SandboxError> => {
    const error = await work.then(
      () => assert.fail('it was imported'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SandboxError && error.code !== 'internal', String(error));
    // What was refused left nothing behind.
    const { lab } = siege;
    assert.equal(lab.git(lab.main, 'for-each-ref', MINE), '');
    assert.deepEqual(
      readdirSync(join(lab.main, '.git', 'heyvm')).filter(name => name.startsWith('incoming')),
      [],
    );
    assert.equal(lab.git(lab.main, 'count-objects', '-v').includes('garbage: 0'), true);
    return error;
  };
  const folder = (): string => privateOf(siege.target.own).repository;
  return { siege: () => siege, jail: () => jail, server, plant, bring, refused, folder };
}
