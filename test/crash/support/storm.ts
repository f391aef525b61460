// Random moments at which something is killed while a command works, and what must be true afterwards, whatever the backend.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ciImage, ensureCiStore, takeCiImage } from '../../../scripts/lib/ciImage.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { type Engine, newEngine } from '../../process/support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { heyvm, startCommand } from './commands.ts';
import { newRandom } from './random.ts';

const NAME = 'victim';

type Work = 'create' | 'exec' | 'stop' | 'rm';
const works: readonly Work[] = ['create', 'exec', 'stop', 'rm'];

/** What a storm passes over. */
export type Field = {
  readonly engine: Engine;
  readonly workspace: string;
  readonly victims: Readonly<Record<string, (sandbox: SandboxInfo | undefined) => Promise<void> | void>>;
  /** Brings back what was killed and does not come back by itself. */
  heal(): Promise<void>;
  /** Everything of this store that the engine or hypervisor has, by the id of its sandbox. */
  things(): Promise<readonly { readonly what: string; readonly sandbox: string }[]>;
};

export type StormOptions = {
  readonly field: () => Field;
  readonly victims: readonly string[];
  readonly moments: number;
  /** How long each kind of work takes here, about. */
  readonly lasting: Readonly<Record<Work, number>>;
};

/** A store that uses one backend for everything, with the image of the tests. */
export async function newStore(
  backend: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<Engine> {
  const engine = newEngine();
  mkdirSync(engine.home, { recursive: true, mode: 0o700 });
  writeFileSync(
    engine.paths.settings,
    JSON.stringify({ backend_type: backend, backends: { [backend]: { image: ciImage, ...settings } } }),
  );
  takeCiImage(await ensureCiStore(), engine.home);
  return engine;
}

export function declareStorm({ field, victims, moments, lasting }: StormOptions): void {
  const random = newRandom();
  before(() => console.log(`      again with HEYVM_SEED=${random.seed}`));
  for (const victim of victims) {
    for (let moment = 1; moment <= moments; moment += 1) {
      const work = random.pick(works);
      const delay = random.below(lasting[work]);
      it(`${victim} leaves all in order (${work}, ${delay} ms)`, async () => {
        const at = field();
        await prepare(at, work);
        await strike(at, { victim, work, delay });
        await assertTruth(at);
        assertIntact(at.workspace);
        await again(at, work);
        await assertTruth(at);
        assertIntact(at.workspace);
      });
    }
  }
}

/** What the list says is so, and nothing is left of what it does not know. */
export async function assertTruth({ engine, things }: Field): Promise<void> {
  await eventually(
    async () => {
      const { sandboxes, problems } = await engine.call('sandbox/list', {});
      assert.deepEqual(problems, []);
      for (const { id, status } of sandboxes) {
        assert.ok(['running', 'stopped', 'failed', 'paused'].includes(status), `still ${status}`);
        if (status === 'running') assert.equal((await engine.exec(id, 'echo', 'here')).out, 'here\n');
      }
      const known = sandboxes.map(({ id }): string => id);
      assert.deepEqual(
        (await things()).filter(({ sandbox }) => !known.includes(sandbox)),
        [],
        'something of a sandbox that nobody knows is left',
      );
      return true;
    },
    { withinMs: 60_000, everyMs: 200, what: 'the truth' },
  );
}

/** A repository with a commit, a change, and a file that git does not know. */
export function plantTree(folder: string): void {
  mkdirSync(folder);
  git(folder, 'init', '-q');
  writeFileSync(join(folder, 'committed'), 'committed');
  git(folder, 'add', '.');
  git(folder, '-c', 'user.name=T', '-c', 'user.email=t@example.invalid', 'commit', '-qm', 'first');
  writeFileSync(join(folder, 'committed'), 'changed');
  writeFileSync(join(folder, 'untracked'), 'untracked');
}

function lineOf(work: Work, workspace: string): readonly string[] {
  switch (work) {
    case 'create':
      return ['create', '--name', NAME, '--workspace', workspace];
    case 'exec':
      return ['exec', NAME, '--', 'sh', '-c', 'sleep 0.1; echo done'];
    case 'stop':
      return ['stop', NAME];
    case 'rm':
      return ['rm', NAME, '--force', '--yes'];
  }
}

async function victimOf({ engine }: Field): Promise<SandboxInfo | undefined> {
  return (await engine.call('sandbox/list', {})).sandboxes.find(({ name }) => name === NAME);
}

async function prepare(field: Field, work: Work): Promise<void> {
  const { engine, workspace } = field;
  const known = await victimOf(field);
  if (work === 'create') {
    if (known !== undefined) await engine.call('sandbox/remove', { sandbox: NAME, force: true });
  } else if (known === undefined) await engine.create({ name: NAME, workspace });
  else if (known.status !== 'running') await engine.call('sandbox/start', { sandbox: NAME });
}

type Strike = { readonly victim: string; readonly work: Work; readonly delay: number };

async function strike(field: Field, { victim, work, delay }: Strike): Promise<void> {
  const { engine, workspace, victims } = field;
  const known = await victimOf(field);
  const command = startCommand(engine.home, ...lineOf(work, workspace));
  await new Promise(resolve => setTimeout(resolve, delay));
  if (victim === 'the command line') command.child.kill('SIGKILL');
  else await victims[victim]?.(known ?? (await victimOf(field)));
  // A daemon that is away may come back at any time, and whoever waits for it may wait.
  await field.heal();
  await command.ended;
}

/** The same command again does its work, or finds that it was done already. */
async function again(field: Field, work: Work): Promise<void> {
  const { engine, workspace } = field;
  const before = await victimOf(field);
  if (work === 'exec' && before?.status !== 'running') await engine.call('sandbox/start', { sandbox: NAME });
  const { code, stdout, stderr } = await heyvm(engine.home, ...lineOf(work, workspace));
  if (work === 'create' && before !== undefined) {
    assert.equal(code, 6, stderr);
    if (before.status !== 'running') await engine.call('sandbox/start', { sandbox: NAME });
    assert.equal((await engine.exec(NAME, 'echo', 'here')).out, 'here\n');
    return;
  }
  assert.equal(code, work === 'rm' && before === undefined ? 3 : 0, stderr);
  if (work === 'exec') assert.equal(stdout, 'done\n');
}

function assertIntact(folder: string): void {
  assert.equal(git(folder, 'status', '--porcelain'), ' M committed\n?? untracked\n');
  assert.equal(git(folder, 'fsck', '--no-progress'), '');
  assert.equal(readFileSync(join(folder, 'committed'), 'utf8'), 'changed');
}

function git(folder: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', folder, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
