// Making, showing, stopping and removing sandboxes with the built command line.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { BackendInfo } from '../../server/protocol/backend.ts';
import { helperContract } from '../../server/protocol/helper.ts';
import { parse } from '../../server/protocol/parse.ts';
import { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { errorOf, finish, launcher, makeWorld, needEngine, textOf, type World } from './support/world.ts';

const ESC = '\u001b';

describe('heyvm and sandboxes', () => {
  let world: World;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
  });
  after(() => world?.end());

  it('says what to do when there is nothing yet', async () => {
    const listed = await world.heyvm(['list']);
    assert.deepEqual({ code: listed.code, stdout: listed.stdout }, { code: 0, stdout: '' });
    assert.match(listed.stderr, /heyvm wt <branch>/);
    assert.deepEqual(await world.json(['list']), []);
    assert.equal((await world.heyvm(['list', '--quiet'])).stderr, '');
  });

  it('makes, lists, shows, stops, starts, restarts and removes one', async () => {
    const made = sandboxIn(
      await world.json(['create', '--name', 'life', '--pids', '100', '--memory', '256m']),
    );
    assert.equal(made.status, 'running');
    assert.deepEqual([made.name, made.limits.pids, made.limits.memory], ['life', 100, 256 * 1024 ** 2]);
    assert.deepEqual(sandboxIn(await world.json(['get', 'life'])).id, made.id);
    assert.deepEqual(sandboxIn(await world.json(['get', made.id])).name, 'life');
    const running = z.parse(z.array(SandboxInfo), await world.json(['list', '--running']));
    assert.deepEqual(
      running.map(sandbox => sandbox.name),
      ['life'],
    );

    const text = (await world.heyvm(['list'])).stdout;
    assert.match(text, /^NAME +ID +STATUS +BACKEND/);
    assert.match(text, new RegExp(`life +${made.id} +running +bubblewrap`));
    assert.ok(!text.includes(ESC));
    assert.match(
      (await world.heyvm(['get', 'life'])).stdout,
      /memory +|limits +256 MiB memory, 100 processes/,
    );

    const again = sandboxIn(await world.json(['start', 'life']));
    assert.equal(again.owner?.pid, made.owner?.pid);
    const stopped = sandboxIn(await world.json(['stop', 'life', '--grace', '1s']));
    assert.equal(stopped.status, 'stopped');
    assert.equal(stopped.owner, undefined);
    assert.deepEqual(await world.json(['list', '--running']), []);
    assert.equal(z.parse(z.array(SandboxInfo), await world.json(['list', '--stopped'])).length, 1);
    const exec = await world.heyvm(['exec', 'life', 'true']);
    assert.equal(exec.code, 125);
    assert.match(exec.stderr, /life is not running\n {2}heyvm start life/);

    const started = sandboxIn(await world.json(['start', 'life']));
    const restarted = sandboxIn(await world.json(['restart', 'life']));
    assert.equal(restarted.status, 'running');
    assert.notEqual(restarted.owner?.pid, started.owner?.pid);
    const removed = await world.json(['rm', '-y', '--force', 'life']);
    assert.deepEqual(removed, { removed: [made.id] });
    assert.equal((await world.heyvm(['get', 'life'])).code, 3);
  });

  it('gives a folder of the host and variables to a new sandbox', async () => {
    const shared = join(world.folder, 'shared place');
    mkdirSync(shared);
    writeFileSync(join(shared, 'note'), 'from the host\n');
    await world.json(['create', '--name', 'given', '--workspace', shared, '--env', 'TEA=green tea']);
    const seen = await world.heyvm(['exec', 'given', '--', 'sh', '-c', 'cat note; echo "$TEA" > back']);
    assert.equal(seen.stdout, 'from the host\n');
    assert.equal(readFileSync(join(shared, 'back'), 'utf8'), 'green tea\n');
    await world.json(['rm', '-y', '--force', 'given']);
  });

  it('asks before it removes, and refuses where nobody can answer', async () => {
    await world.json(['create', '--name', 'asked']);
    const mute = await world.heyvm(['rm', 'asked']);
    assert.equal(mute.code, 2);
    assert.match(mute.stderr, /add --yes/);
    const busy = await world.heyvm(['rm', '-y', 'asked', '--format', 'json']);
    assert.equal(busy.code, 6);
    assert.notEqual(errorOf(busy).hint, undefined);
    const no = await answer(world, 'n');
    assert.match(no, /nothing was changed/);
    assert.equal((await world.heyvm(['get', 'asked'])).code, 0);
    await answer(world, 'y');
    assert.equal((await world.heyvm(['get', 'asked'])).code, 3);
  });

  it('goes on with the others when one cannot be removed', async () => {
    await world.json(['create', '--name', 'first']);
    const done = await world.heyvm(['rm', '-y', '--force', 'absent', 'first']);
    assert.equal(done.code, 3);
    assert.match(done.stdout, /removed sb-/);
    assert.equal((await world.heyvm(['get', 'first'])).code, 3);
  });

  const failures: readonly (readonly [string[], number, string])[] = [
    [['nonsense'], 2, 'usage'],
    [['lst'], 2, 'usage'],
    [['list', '--nonsense'], 2, 'usage'],
    [['list', '--running', '--stopped'], 2, 'usage'],
    [['create', '--backend', 'nonsense'], 2, 'backend-unknown'],
    [['create', '--name', 'Not A Name'], 2, 'usage'],
    [['create', '--env', '1=2'], 2, 'usage'],
    [['create', '--mount', 'nowhere'], 2, 'usage'],
    [['create', '--workspace', '/does/not/exist'], 3, 'path-not-found'],
    [['create', '--network', 'allowlist'], 4, 'policy-unenforceable'],
    [['get', 'absent'], 3, 'sandbox-not-found'],
    [['start', 'absent'], 3, 'sandbox-not-found'],
    [['stop', 'absent'], 3, 'sandbox-not-found'],
    [['restart', 'sb-00000000'], 3, 'sandbox-not-found'],
    [['logs', 'absent'], 3, 'sandbox-not-found'],
    [['ports', 'absent'], 3, 'sandbox-not-found'],
    [['forward', 'absent', '80'], 3, 'sandbox-not-found'],
    [['forward', 'absent', 'eighty'], 2, 'usage'],
    [['exec', 'absent', 'true'], 125, 'sandbox-not-found'],
    [['exec', '--nonsense', 'absent', 'true'], 125, 'usage'],
    [['sh', 'absent'], 125, 'usage'],
    [['cp', 'a', 'b'], 2, 'usage'],
    [['cp', 'absent:a', 'b'], 3, 'sandbox-not-found'],
    [['fs', 'fly', 'absent:a'], 2, 'usage'],
    [['fs', 'cat', 'a'], 2, 'usage'],
    [['completion', 'tcsh'], 2, 'usage'],
    [['backends', 'nonsense'], 2, 'backend-unknown'],
    [['help', 'nonsense'], 2, 'usage'],
    [['wt'], 2, 'usage'],
    [['wt', 'x', '--detach', '--list'], 2, 'usage'],
    [['wt', 'x', '--detach', '--force'], 2, 'usage'],
    [['wt', 'x'], 2, 'usage'],
  ];
  for (const [args, exit, code] of failures) {
    it(`heyvm ${args.join(' ')} fails with ${exit} and ${code}`, async () => {
      const done = await world.heyvm([...args.slice(0, 1), '--format', 'json', ...args.slice(1)]);
      assert.equal(done.code, exit, done.stderr);
      assert.equal(done.stdout, '');
      assert.equal(errorOf(done).code, code);
    });
  }

  it('fails with the name that is taken, and with what was probably meant', async () => {
    await world.json(['create', '--name', 'twice']);
    const taken = await world.heyvm(['create', '--name', 'twice', '--format', 'json']);
    assert.deepEqual([taken.code, errorOf(taken).code], [6, 'name-taken']);
    const slip = await world.heyvm(['get', 'twic', '--format', 'json']);
    assert.match(errorOf(slip).hint ?? '', /twice/);
    await world.json(['rm', '-y', '--force', 'twice']);
  });

  it('reports on backends, the machine and itself in text and JSON', async () => {
    const backends = z.parse(z.array(BackendInfo), await world.json(['backends', '--probe']));
    const bubblewrap = backends.find(backend => backend.id === 'bubblewrap');
    assert.equal(bubblewrap?.availability?.kind, 'ready');
    const bare = z.parse(z.array(BackendInfo), await world.json(['backends']));
    assert.ok(bare.every(backend => backend.availability === undefined));
    assert.match((await world.heyvm(['backends'])).stdout, /bubblewrap +\S+ +(real|contract) +ready/);
    assert.match((await world.heyvm(['backends', 'bubblewrap'])).stdout, /boundary +/);
    fits(helperContract['doctor/run'].result, await world.json(['doctor']));
    const doctor = await world.heyvm(['doctor']);
    assert.equal(doctor.code, 0, doctor.stdout);
    fits(z.object({ build: z.string(), protocol: z.string() }), await world.json(['version']));
    assert.match((await world.heyvm(['--version'])).stdout, /^heyvm \S+\n$/);
    fits(z.array(z.looseObject({ name: z.string() })), await world.json(['help']));
    assert.match((await world.heyvm([])).stdout, /Usage/);
    assert.match((await world.heyvm(['exec', '--help'])).stdout, /^Run a program in a sandbox/);
  });

  it('shows first what prune would remove', async () => {
    await world.json(['create', '--name', 'old']);
    await world.json(['stop', 'old']);
    const shown = z.parse(
      helperContract['prune/run'].result,
      await world.json(['prune', '--dry-run', '--stopped']),
    );
    assert.ok(shown.removed.length > 0);
    assert.equal((await world.heyvm(['get', 'old'])).code, 0);
    const mute = await world.heyvm(['prune', '--stopped']);
    assert.equal(mute.code, 2);
    assert.match(mute.stderr, /add --yes/);
    fits(helperContract['prune/run'].result, await world.json(['prune', '--stopped', '--yes']));
    assert.equal((await world.heyvm(['get', 'old'])).code, 3);
  });

  it('ends quietly when its reader goes away', async () => {
    const child = spawn('sh', ['-c', '"$0" help | true; exit 0', launcher], { env: world.env });
    assert.deepEqual(await finish(child), { code: 0, stdout: '', stderr: '' });
  });

  it('is found through links and from PATH, from any folder', async () => {
    const link = join(world.folder, 'other', 'heyvm-link');
    mkdirSync(join(world.folder, 'other'));
    const made = spawn('ln', ['-s', launcher, link]);
    await once(made, 'close');
    for (const command of [link, 'heyvm-link']) {
      const env = { ...world.env, PATH: `${join(world.folder, 'other')}:${world.env['PATH']}` };
      const child = spawn('sh', ['-c', `${command} version`], { cwd: '/', env });
      assert.match((await finish(child)).stdout, /^heyvm \S+\n$/);
    }
  });

  it('starts from its compiled form, and without it where that is damaged or cannot be kept', async () => {
    const folder = join(world.store, 'cache', 'compiled');
    const plain = await world.heyvm(['version']);
    const kept = readdirSync(folder).filter(name => name.endsWith('-other'));
    assert.equal(kept.length, 1);
    const path = join(folder, kept[0] ?? '');
    const whole = readFileSync(path);
    for (const damaged of [whole.subarray(0, 1000), Buffer.from('nonsense'), Buffer.alloc(0)]) {
      writeFileSync(path, damaged);
      assert.deepEqual(await world.heyvm(['version']), plain);
      assert.ok(readFileSync(path).length > 1000, 'it was not made again');
    }
    const elsewhere = await world.heyvm(['version'], { env: { HEYO_HOME: '/proc/heyvm' } });
    assert.deepEqual(elsewhere, plain);
  });

  it('says what is wrong with the Node it was told to use', async () => {
    const done = await world.heyvm(['version'], { env: { HEYVM_NODE: '/no/such/node' } });
    assert.equal(done.code, 125);
    assert.match(done.stderr, /HEYVM_NODE/);
  });
});

/** Types an answer at the question of `rm asked`, on a terminal of its own. */
async function answer(world: World, word: string): Promise<string> {
  const terminal = spawn('script', ['-qfec', `${launcher} rm --force asked`, '/dev/null'], {
    env: world.env,
  });
  let typed = false;
  terminal.stdout.on('data', chunk => {
    if (typed || !String(chunk).includes('[y/N]')) return;
    typed = true;
    terminal.stdin.write(`${word}\r`);
  });
  const text = await textOf(terminal.stdout);
  terminal.stdin.end();
  return text;
}

function sandboxIn(value: unknown): SandboxInfo {
  return fits(SandboxInfo, value);
}

function fits<S extends z.ZodMiniType>(schema: S, value: unknown): z.output<S> {
  const parsed = parse(schema, value);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
  return parsed.value;
}
