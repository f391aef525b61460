// Kills every kind of process at random moments of every kind of work, and then looks whether all is well.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  assertNoTraces,
  type Engine,
  type Found,
  kill,
  newEngine,
  processesOf,
} from '../process/support/engine.ts';
import { type HelperProcess, initialize, startHelper } from '../process/support/helperProcess.ts';
import { eventually } from '../support/eventually.ts';
import { heyvm, needCommandLine, startCommand } from './support/commands.ts';
import { newRandom } from './support/random.ts';

const MOMENTS = 10;
const NAME = 'victim';

type Work = 'create' | 'exec' | 'stop' | 'rm';
const works: readonly Work[] = ['create', 'exec', 'stop', 'rm'];
type Victim = 'the command line' | 'the helper' | 'the owner' | 'the guest';
const victims: readonly Victim[] = ['the command line', 'the helper', 'the owner', 'the guest'];

describe('killed at a random moment', function () {
  this.timeout(600_000);
  const random = newRandom();
  let engine: Engine;
  let workspace: string;

  before(function () {
    needCommandLine.call(this);
    console.log(`      again with HEYVM_SEED=${random.seed}`);
    engine = newEngine();
    workspace = join(engine.home, '..', 'tree');
    plant(workspace);
  });
  after(() => engine?.dispose());

  const lines: Readonly<Record<Work, () => readonly string[]>> = {
    create: () => ['create', '--name', NAME, '--workspace', workspace],
    exec: () => ['exec', NAME, '--', 'sh', '-c', 'sleep 0.1; echo done'],
    stop: () => ['stop', NAME],
    rm: () => ['rm', NAME, '--force', '--yes'],
  };

  for (const victim of victims) {
    for (let moment = 1; moment <= MOMENTS; moment += 1) {
      const work =
        victim === 'the helper' ? random.pick(['create', 'stop', 'rm'] as const) : random.pick(works);
      const delay = random.below(work === 'create' ? 450 : 250);
      it(`${victim} leaves all in order (${work}, ${delay} ms)`, async () => {
        await prepare(engine, work, workspace);
        if (victim === 'the helper') await killHelper(engine, { work, delay, workspace });
        else await killOther(engine, { victim, line: lines[work](), delay });
        await assertTruth(engine);
        assertIntact(workspace);
        await again(engine, work, lines[work]());
        assertIntact(workspace);
      });
    }
  }
});

async function prepare(engine: Engine, work: Work, workspace: string): Promise<void> {
  const known = (await engine.call('sandbox/list', {})).sandboxes.find(({ name }) => name === NAME);
  if (work === 'create') {
    if (known !== undefined) await engine.call('sandbox/remove', { sandbox: NAME, force: true });
  } else if (known === undefined) await engine.create({ name: NAME, workspace });
  else await engine.call('sandbox/start', { sandbox: NAME });
}

type HelperWork = { readonly work: Work; readonly delay: number; readonly workspace: string };

async function killHelper(engine: Engine, { work, delay, workspace }: HelperWork): Promise<void> {
  const helper = startHelper(engine.home);
  await initialize(helper);
  // Nobody answers a request whose helper is killed, so nobody waits for it either.
  void ask(helper, work, workspace).catch(() => undefined);
  await pause(delay);
  helper.child.kill('SIGKILL');
  await helper.ended();
}

function ask(helper: HelperProcess, work: Work, workspace: string): Promise<unknown> {
  const { connection } = helper;
  if (work === 'create')
    return connection.sendRequest('sandbox/create', { params: { spec: { name: NAME, workspace } } });
  if (work === 'stop') return connection.sendRequest('sandbox/stop', { params: { sandbox: NAME } });
  return connection.sendRequest('sandbox/remove', { params: { sandbox: NAME, force: true } });
}

type OtherWork = { readonly victim: Victim; readonly line: readonly string[]; readonly delay: number };

async function killOther(engine: Engine, { victim, line, delay }: OtherWork): Promise<void> {
  const command = startCommand(engine.home, ...line);
  await pause(delay);
  if (victim === 'the command line') command.child.kill('SIGKILL');
  else {
    const found = processesOf(engine.paths).filter(
      each => each.pid !== command.child.pid && isOwner(each) === (victim === 'the owner'),
    );
    for (const { pid } of found) kill(pid);
  }
  await command.ended;
}

function isOwner({ command }: Found): boolean {
  return command.includes('__sandbox_owner');
}

/** What the list says is so: what runs can be used, and nothing else runs. */
async function assertTruth(engine: Engine): Promise<void> {
  await eventually(async () => {
    const { sandboxes, problems } = await engine.call('sandbox/list', {});
    assert.deepEqual(problems, []);
    const owners = sandboxes.flatMap(({ owner }) => (owner === undefined ? [] : [owner.pid]));
    for (const { id, status } of sandboxes) {
      assert.ok(!['starting', 'stopping'].includes(status), `still ${status}`);
      if (status === 'running') assert.equal((await engine.exec(id, 'echo', 'here')).out, 'here\n');
    }
    const found = processesOf(engine.paths);
    assert.deepEqual(
      found.filter(isOwner).map(({ pid }) => pid),
      owners,
    );
    if (owners.length > 0) return true;
    assert.deepEqual(found, []);
    await assertNoTraces(engine.paths);
    // It is made by the first owner, and whoever was to start that one may have been killed.
    assert.deepEqual(existsSync(engine.paths.run) ? readdirSync(engine.paths.run) : [], []);
    return true;
  });
}

/** The same command again does its work, or finds that it was done already. */
async function again(engine: Engine, work: Work, line: readonly string[]): Promise<void> {
  const { sandboxes } = await engine.call('sandbox/list', {});
  const before = sandboxes.find(({ name }) => name === NAME);
  if (work === 'exec' && before?.status !== 'running') await engine.call('sandbox/start', { sandbox: NAME });
  const { code, stdout, stderr } = await heyvm(engine.home, ...line);
  if (work === 'create' && before !== undefined) {
    assert.equal(code, 6, stderr);
    await engine.call('sandbox/start', { sandbox: NAME });
    assert.equal((await engine.exec(NAME, 'echo', 'here')).out, 'here\n');
    return;
  }
  assert.equal(code, work === 'rm' && before === undefined ? 3 : 0, stderr);
  if (work === 'exec') assert.equal(stdout, 'done\n');
}

/** A repository with a commit, a change, and a file that git does not know. */
function plant(folder: string): void {
  mkdirSync(folder);
  git(folder, 'init', '-q');
  writeFileSync(join(folder, 'committed'), 'committed');
  git(folder, 'add', '.');
  git(folder, '-c', 'user.name=T', '-c', 'user.email=t@example.invalid', 'commit', '-qm', 'first');
  writeFileSync(join(folder, 'committed'), 'changed');
  writeFileSync(join(folder, 'untracked'), 'untracked');
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

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
