// Every attack on git that a jail withstands, through the driver of one backend, and what it would do unprotected.
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
import { asStrongest, whyNot } from './target.ts';

/** Many repositories in one guest, because a guest may take seconds to start. */
const IN_ONE_GUEST = 17;
const AT_ONCE = 3;

/**
 * Declares them for a suite; a backend that cannot run here says why, and is not run. Those that the mounts withstand come
 * first. What the others plant are files like any others, so that how files are shown does not matter to them.
 */
export function attackGit(backend: Backend, which: 'all' | 'those on mounts' = 'all'): void {
  let why: string | undefined;

  before(async function () {
    why = await whyNot(backend);
    if (why === undefined) return;
    console.log(`not run: ${backend.manifest.id}: ${why}`);
    this.skip();
  });

  const names = Object.keys(attacks).slice(0, which === 'all' ? undefined : IN_ONE_GUEST);
  for (let first = 0; first < names.length; first += IN_ONE_GUEST) {
    const some = names.slice(first, first + IN_ONE_GUEST);
    describe(`${some.length} attacks from one guest`, () => {
      const scripts = some.map(name => (attacks[name] as Attack).script);
      const besieged = withSieges(backend, { scripts, mounts: narrowed });
      for (const [index, name] of some.entries()) {
        it(name, async () => assertHarmless(await besieged(index), attacks[name] as Attack));
      }
    });
  }

  describe('with the whole git folder writable', () => {
    const scripts = workWhenCareless.map(name => `ln -s . $C/host; ${attacks[name]?.script}`);
    const besieged = withSieges(backend, { scripts, mounts: careless });
    for (const [index, name] of workWhenCareless.entries()) {
      it(`the host would run: ${name}`, async () => assertHarmful(await besieged(index)));
    }
  });
}

type Besieged = {
  /** What runs inside, each in a place of its own. */
  readonly scripts: readonly string[];
  readonly mounts: (siege: Siege) => Promise<readonly Mount[]>;
};

/** The siege with this number, after a script ran in its place inside. */
function withSieges(backend: Backend, { scripts, mounts }: Besieged) {
  const sieges: Siege[] = [];
  let bench: Bench | undefined;
  let guest: Guest;
  let env: Record<string, string>;
  const planted: Promise<Siege>[] = [];

  before(async () => {
    bench = await makeBench(backend);
    const all: Mount[] = [...bench.request().mounts];
    for (let index = 0; index < scripts.length; index += 1) {
      const siege = await makeSiege();
      sieges.push(siege);
      env ??= trusting(await guestGitEnvironment(siege.lab.host, siege.repository));
      all.push({ source: siege.worktree, target: placeOf(index), mode: 'rw' });
      for (const mount of await mounts(siege)) all.push({ ...mount, target: moved(mount.target, index) });
    }
    guest = (await bench.start({ ...asStrongest(backend), mounts: all })).guest;
    beginPlanting();
  });

  after(async () => {
    await bench?.dispose();
    for (const { lab } of sieges) lab.dispose();
    sieges.length = 0;
  });

  const plant = async (index: number): Promise<Siege> => {
    const siege = sieges[index] as Siege;
    const place = placeOf(index);
    const input = plantScript(siege, `cd ${place}\n${scripts[index]}\necho planted`);
    const done = await runIn(guest, ['/bin/bash', '-s'], {
      env,
      input: input.replaceAll('/workspace', place),
    });
    assert.ok(done.stdout.includes('planted'), `${JSON.stringify(done.status)} ${done.stdout}${done.stderr}`);
    return siege;
  };

  // A few at a time and ahead of who looks at them: the guest plants while git works on the host.
  const beginPlanting = (): void => {
    for (const index of scripts.keys()) {
      const before = planted[index - AT_ONCE] ?? Promise.resolve();
      const work = before.then(() => plant(index));
      work.catch(() => undefined);
      planted.push(work);
    }
  };

  return (index: number): Promise<Siege> => planted[index] as Promise<Siege>;
}

async function narrowed({ worktree, repository }: Siege): Promise<readonly Mount[]> {
  return await gitMounts({ branch: 'feature', path: worktree, repository: repository.root });
}

async function careless({ worktree, repository }: Siege): Promise<readonly Mount[]> {
  return [repository.commonDir, worktree].map(path => ({ source: path, target: path, mode: 'rw' }));
}

/** Root of a machine is another user than the one whom the files belong to, which git would stumble over. */
function trusting(env: Readonly<Record<string, string>>): Record<string, string> {
  const count = Number(env['GIT_CONFIG_COUNT']);
  return {
    ...env,
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: 'safe.directory',
    [`GIT_CONFIG_VALUE_${count}`]: '*',
  };
}

function placeOf(index: number): string {
  return `/besieged/${index}`;
}

/** Where the workspace would be, were there only one. */
function moved(target: string, index: number): string {
  const inside = target === '/workspace' || target.startsWith('/workspace/');
  return inside ? placeOf(index) + target.slice('/workspace'.length) : target;
}
