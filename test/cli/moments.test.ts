// Pausing, keeping, copying and resizing with the command line, on a backend that can all of that.
import { strict as assert } from 'node:assert';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { helperContract } from '../../server/protocol/helper.ts';
import { parse } from '../../server/protocol/parse.ts';
import { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { withFakeBuild } from '../support/fakeBuild.ts';
import { errorOf, makeWorld, needEngine, type World } from './support/world.ts';

describe('heyvm and moments of sandboxes', function () {
  this.timeout(120_000);
  let world: World;
  // Before the programs go that do it.
  after(() => world?.end());
  const build = withFakeBuild();
  before(async function () {
    needEngine(this);
    world = await makeWorld(join(build().folder, 'heyvm'));
    await world.json(['create', '--name', 'one', '--backend', 'fakeext', '--option', 'depth=2']);
  });

  const ok = async (...args: string[]) => {
    const done = await world.heyvm(args);
    assert.equal(done.code, 0, done.stderr);
    return done;
  };

  it('pauses, shows that, refuses programs kindly, and resumes', async () => {
    assert.match((await ok('pause', 'one')).stdout, /^one \(sb-[0-9a-f]{8}\) is paused$/m);
    assert.match((await ok('list')).stdout, /one .* paused /);
    assert.match((await ok('get', 'one')).stdout, /^status +paused$/m);
    for (const args of [
      ['exec', 'one', '--', 'true'],
      ['cp', 'one:/tmp/x', '.'],
    ]) {
      const refused = await world.heyvm(args);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /one is paused\n.*heyvm resume one/);
    }
    const resumed = sandboxIn(await world.json(['resume', 'one']));
    assert.equal(resumed.status, 'running');
    assert.equal((await ok('exec', 'one', '--', 'echo', 'on')).stdout, 'on\n');
  });

  it('suspends, and says how it goes on', async () => {
    const asleep = sandboxIn(await world.json(['suspend', 'one']));
    assert.equal(asleep.status_reason, 'suspended to disk');
    const refused = await world.heyvm(['exec', 'one', '--', 'true']);
    assert.match(refused.stderr, /one is suspended\n.*heyvm resume one/);
    assert.equal(refused.code, 125);
    await ok('resume', 'one');
  });

  it('takes, shows, restores and removes snapshots', async () => {
    await ok('exec', 'one', '--', 'sh', '-c', 'echo before > /home/dev/file');
    const taken = z.parse(
      helperContract['sandbox/snapshot'].result,
      await world.json(['snapshot', 'one', 'first']),
    );
    assert.equal(taken.snapshot.name, 'first');
    await ok('exec', 'one', '--', 'sh', '-c', 'echo after > /home/dev/file');
    assert.match((await ok('snapshot', 'one', '--no-memory')).stdout, /kept as snap-1, without/);
    assert.match((await ok('get', 'one')).stdout, /^snapshots +first, snap-1$/m);
    assert.match((await ok('restore', 'one', 'first')).stdout, /as it was at first, and running$/m);
    assert.equal((await ok('exec', 'one', '--', 'cat', '/home/dev/file')).stdout, 'before\n');
    await ok('snapshot', 'one', '--remove', 'snap-1');
    const missing = await world.heyvm(['restore', 'one', 'snap-1', '--format', 'json']);
    assert.deepEqual([missing.code, errorOf(missing).code], [3, 'snapshot-not-found']);
    assert.equal((await world.heyvm(['snapshot', 'one', 'x', '--remove', 'first'])).code, 2);
  });

  it('copies', async () => {
    const text = (await ok('fork', 'one', '-n', '2')).stdout;
    assert.match(text, /^one-fork-1 +sb-[0-9a-f]{8} +-\none-fork-2 +sb-/m);
    const { sandboxes } = z.parse(helperContract['sandbox/fork'].result, await world.json(['fork', 'one']));
    assert.deepEqual(
      sandboxes.map(({ name }) => name),
      ['one-fork-3'],
    );
    await ok('rm', '-y', '--force', 'one-fork-1', 'one-fork-2', 'one-fork-3');
  });

  it('resizes, and says when that counts', async () => {
    const resized = await ok('resize', 'one', '--wall', '1h');
    assert.match(resized.stdout, /^limits +1h wall$/m);
    assert.match(resized.stderr, /heyvm restart one/);
    assert.equal((await world.heyvm(['resize', 'one'])).code, 2);
  });

  it('refuses with exit code 4 what a backend cannot do', async () => {
    await ok('create', '--name', 'plain', '--backend', 'bubblewrap');
    const refused = await world.heyvm(['pause', 'plain', '--format', 'json']);
    assert.equal(refused.code, 4);
    assert.equal(errorOf(refused).code, 'unsupported');
    assert.match(errorOf(refused).hint ?? '', /fakeext/);
  });

  it('publishes ports', async () => {
    const inside = createServer(socket => socket.end());
    await new Promise<void>(resolve => inside.listen({ port: 0, host: '127.0.0.1' }, resolve));
    const port = portOf(inside);
    await ok('stop', 'one');
    const started = sandboxIn(await world.json(['start', 'one', '--publish', String(port)]));
    assert.equal(started.ports[0]?.guest, port);
    assert.match(
      (await ok('get', 'one')).stdout,
      new RegExp(`^ports +${port} at http://127.0.0.1:\\d+$`, 'm'),
    );
    const taken = ['create', '--backend', 'fakeext', '--publish', `${port}:80`, '--format', 'json'];
    const refused = await world.heyvm(taken);
    assert.deepEqual([refused.code, errorOf(refused).code], [6, 'port-taken']);
    assert.equal((await world.heyvm(['create', '--publish', 'web'])).code, 2);
    inside.close();
  });

  it('runs programs in a guest whose owner was killed, as soon as it has another one', async () => {
    const { owner } = sandboxIn(await world.json(['get', 'one']));
    process.kill(owner?.pid ?? assert.fail('no owner'), 'SIGKILL');
    const again = await ok('exec', 'one', '--', 'cat', '/home/dev/file');
    assert.equal(again.stdout, 'before\n');
    assert.notEqual(sandboxIn(await world.json(['get', 'one'])).owner?.pid, owner?.pid);
  });

  it('tries a backend', async () => {
    const tried = await ok('test-backend', 'bubblewrap');
    assert.match(tried.stdout, /^run a program +ok +[\d.]+ ms/m);
    assert.match(tried.stdout, /^PASS bubblewrap in \d+ ms$/m);
    const failed = await world.heyvm(['test-backend', 'fakeext']);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /^FAIL fakeext/m);
    const { passed } = z.parse(
      helperContract['backend/test'].result,
      await world.json(['test-backend', 'bubblewrap']),
    );
    assert.equal(passed, true);
  });
});

function sandboxIn(value: unknown): SandboxInfo {
  const parsed = parse(SandboxInfo, value);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
  return parsed.value;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
