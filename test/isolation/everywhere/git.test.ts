// Every attack on git that a jail withstands, through the driver of every other backend, and what it would do unprotected.
import { strict as assert } from 'node:assert';
import type { Backend } from '../../../server/core/backend.ts';
import type { Guest } from '../../../server/core/guest.ts';
import type { Mount } from '../../../server/protocol/sandbox.ts';
import { guestGitEnvironment } from '../../../server/worktrees/identity.ts';
import { gitMounts } from '../../../server/worktrees/mounts.ts';
import { type Bench, makeBench, runIn } from '../../contract/bench.ts';
import { type Attack, attacks, workWhenCareless } from '../../worktrees/support/plants.ts';
import {
  assertHarmful,
  assertHarmless,
  makeSiege,
  plantScript,
  type Siege,
} from '../../worktrees/support/siege.ts';
import { asStrongest, prisons, whyNot } from '../support/target.ts';

/** Many repositories in one guest, because a guest may take seconds to start. */
const IN_ONE_GUEST = 17;

/** What `test/worktrees/attacks.test.ts` tries with the same mounts and the same program. */
const TRIED_THERE = 'bubblewrap';

describe('isolation everywhere: git', function () {
  this.timeout(300_000);
  for (const backend of prisons().filter(({ manifest }) => manifest.id !== TRIED_THERE)) {
    describe(backend.manifest.id, () => {
      let why: string | undefined;

      before(async function () {
        why = await whyNot(backend);
        if (why === undefined) return;
        console.log(`not run: ${backend.manifest.id}: ${why}`);
        this.skip();
      });

      const names = Object.keys(attacks);
      for (let first = 0; first < names.length; first += IN_ONE_GUEST) {
        const some = names.slice(first, first + IN_ONE_GUEST);
        describe(`${some.length} attacks from one guest`, () => {
          const besieged = withSieges(backend, { count: some.length, mounts: narrowed });
          for (const [index, name] of some.entries()) {
            it(name, async () => {
              const attack = attacks[name] as Attack;
              const siege = await besieged(index, attack.script);
              await assertHarmless(siege, attack);
            });
          }
        });
      }

      describe('with the whole git folder writable', () => {
        const besieged = withSieges(backend, { count: workWhenCareless.length, mounts: careless });
        for (const [index, name] of workWhenCareless.entries()) {
          it(`the host would run: ${name}`, async () => {
            assertHarmful(await besieged(index, `ln -s . $C/host; ${attacks[name]?.script}`));
          });
        }
      });
    });
  }
});

type Besieged = {
  readonly count: number;
  readonly mounts: (siege: Siege) => Promise<readonly Mount[]>;
};

/** The siege with this number, after a script ran in its place inside. */
function withSieges(backend: Backend, { count, mounts }: Besieged) {
  const sieges: Siege[] = [];
  let bench: Bench | undefined;
  let guest: Guest;
  let env: Record<string, string>;

  before(async () => {
    bench = await makeBench(backend);
    const all: Mount[] = [...bench.request().mounts];
    for (let index = 0; index < count; index += 1) {
      const siege = await makeSiege();
      sieges.push(siege);
      env ??= await guestGitEnvironment(siege.lab.host, siege.repository);
      all.push({ source: siege.worktree, target: placeOf(index), mode: 'rw' });
      for (const mount of await mounts(siege)) all.push({ ...mount, target: moved(mount.target, index) });
    }
    guest = (await bench.start({ ...asStrongest(backend), mounts: all })).guest;
  });

  after(async () => {
    await bench?.dispose();
    for (const { lab } of sieges) lab.dispose();
    sieges.length = 0;
  });

  return async (index: number, script: string): Promise<Siege> => {
    const siege = sieges[index] as Siege;
    const input = plantScript(siege, `cd ${placeOf(index)}\n${script}\necho planted`);
    const done = await runIn(guest, ['/bin/bash', '-s'], {
      env,
      input: input.replaceAll('/workspace', placeOf(index)),
    });
    assert.ok(done.stdout.includes('planted'), `${JSON.stringify(done.status)} ${done.stdout}${done.stderr}`);
    return siege;
  };
}

async function narrowed({ worktree, repository }: Siege): Promise<readonly Mount[]> {
  return await gitMounts({ branch: 'feature', path: worktree, repository: repository.root });
}

async function careless({ worktree, repository }: Siege): Promise<readonly Mount[]> {
  return [repository.commonDir, worktree].map(path => ({ source: path, target: path, mode: 'rw' }));
}

function placeOf(index: number): string {
  return `/besieged/${index}`;
}

/** Where the workspace would be, were there only one. */
function moved(target: string, index: number): string {
  const inside = target === '/workspace' || target.startsWith('/workspace/');
  return inside ? placeOf(index) + target.slice('/workspace'.length) : target;
}
