// Containers through a real engine: found again, paused, ended from outside, raced for, and swept.
import { strict as assert } from 'node:assert';
import { chownSync, existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { docker } from '../../server/backends/docker/index.ts';
import type { Ref } from '../../server/core/backend.ts';
import { parseAddress } from '../../server/engine/address.ts';
import { engineAt } from '../../server/engine/engine.ts';
import { follow } from '../../server/engine/lines.ts';
import { type Bench, machineOf, runIn, succeeded } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { ask, withEngine } from './ground.ts';

describe('containers', function () {
  this.timeout(120_000);
  const ground = withEngine();
  const nameOf = (ref: Ref): string => String(ref['container']);
  const look = async (ref: Ref): Promise<Inspected> =>
    JSON.parse((await ground().ask('GET', `/containers/${nameOf(ref)}/json`)).body) as Inspected;
  const all = async (): Promise<string[]> => {
    const listed = JSON.parse((await ground().ask('GET', '/containers/json?all=1')).body) as {
      Names: string[];
    }[];
    return listed.flatMap(({ Names: names }) => names.map(name => name.slice(1)));
  };

  it('are as tight as they were asked for', async () => {
    const bench = await ground().bench();
    const { ref } = await bench.start({ limits: { pids: 50, memory: 1 << 28, cpus: 0.5 } });
    const { HostConfig: host, Config: config } = await look(ref);
    assert.deepEqual(
      [host.CapDrop, host.CapAdd ?? [], host.Privileged, host.ReadonlyRootfs, host.SecurityOpt],
      [['ALL'], [], false, true, ['no-new-privileges']],
    );
    assert.deepEqual(
      [host.Memory, host.MemorySwap, host.NanoCpus, host.NetworkMode],
      [1 << 28, 1 << 28, 5e8, 'none'],
    );
    assert.ok(host.PidsLimit > 50);
    assert.equal(config.Labels['heyvm.sandbox'], bench.request().id);
  });

  it('do not show the engine to whoever is inside, however it is asked for', async () => {
    const bench = await ground().bench();
    const socket = String((bench.context.options as { connect: string }).connect).replace('unix://', '');
    for (const source of [socket, join(socket, '..'), '/']) {
      const mounts = [...bench.request().mounts, { source, target: '/engine', mode: 'ro' as const }];
      await assert.rejects(bench.start({ mounts }), { code: 'policy-refused' });
    }
    const { guest } = await bench.start();
    const { stdout } = await runIn(guest, 'find / -xdev -type s 2>/dev/null; ls /run /var/run');
    assert.doesNotMatch(stdout, /docker|containerd/);
  });

  it('make files that belong to the owner of the workspace', async function () {
    if (process.getuid?.() !== 0) {
      console.log('not run: only root can give a folder to somebody else');
      return this.skip();
    }
    const bench = await ground().bench();
    chownSync(bench.workspace, 12_345, 12_346);
    const { guest } = await bench.start({ owner: { uid: 12_345, gid: 12_346 } });
    const { stdout } = await runIn(guest, 'touch made ~/made && id -un && id -u && echo ~');
    assert.equal(stdout, 'dev\n12345\n/home/dev\n');
    const { uid, gid } = statSync(join(bench.workspace, 'made'));
    assert.deepEqual([uid, gid], [12_345, 12_346]);
  });

  it('are attached to by whoever comes next, and never started twice', async () => {
    const bench = await ground().bench();
    const { guest, ref, request } = await bench.start();
    await runIn(guest, 'echo still >/tmp/here');
    const before = await look(ref);
    const second = await bench.driver.open(bench.context, ref, request);
    assert.equal((await runIn(second, 'cat /tmp/here')).stdout, 'still\n');
    const after = await look(ref);
    assert.deepEqual([after.Id, after.State.StartedAt], [before.Id, before.State.StartedAt]);
  });

  it('are one when two ask for it at once', async () => {
    const bench = await ground().bench();
    const request = bench.request();
    const ref = await bench.driver.create(bench.context, request);
    const guests = await Promise.all([1, 2].map(() => bench.driver.open(bench.context, ref, request)));
    // Each takes the line from the other when it uses it, which the lease of owners keeps from happening.
    for (const guest of guests)
      await eventually(async () => (await runIn(guest, ['true'])).status.kind === 'exited');
    assert.equal((await all()).filter(name => name === nameOf(ref)).length, 1);
    await guests[0]!.stop({ graceMs: 0 });
    assert.notEqual((await guests[1]!.ended).kind, undefined);
  });

  it('that were made and not started are taken, and those of another request give way', async () => {
    const bench = await ground().bench();
    const { guest, ref, request } = await bench.start();
    const first = (await look(ref)).Id;
    await guest.stop({ graceMs: 5_000 });
    const again = await bench.driver.open(bench.context, ref, request);
    assert.equal((await look(ref)).Id, first);
    await again.stop({ graceMs: 5_000 });
    const changed = await bench.driver.open(bench.context, ref, { ...request, env: { NEW: 'yes' } });
    assert.equal((await runIn(changed, 'echo $NEW')).stdout, 'yes\n');
    assert.notEqual((await look(ref)).Id, first);
    await changed.stop({ graceMs: 0 });
  });

  it('stand still and go on, as often as it is asked', async () => {
    const bench = await ground().bench();
    const { guest, ref } = await bench.start();
    const { pausing } = bench.driver;
    const child = await guest.exec({
      argv: ['/bin/sh', '-c', 'while :; do echo x >>beat; sleep 0.02; done'],
    });
    const beats = (): number => statSync(join(bench.workspace, 'beat')).size;
    await eventually(() => beats() > 2);
    for (const _ of [1, 2]) await pausing!.pause(bench.context, ref);
    assert.equal(await bench.driver.inspect(bench.context, ref), 'paused');
    const still = beats();
    for (const _ of [1, 2]) await pausing!.resume(bench.context, ref);
    await eventually(() => beats() > still);
    assert.equal(await bench.driver.inspect(bench.context, ref), 'running');
    child.hangUp();
    await pausing!.pause(bench.context, ref);
    assert.equal((await guest.stop({ graceMs: 0 })).kind, 'stopped');
    await assert.rejects(pausing!.pause(bench.context, ref), { code: 'not-running' });
  });

  for (const { what, path, reason } of [
    { what: 'killed', path: '/kill', reason: /killed from outside/ },
    { what: 'stopped', path: '/stop?t=5', reason: /stopped from outside/ },
    { what: 'removed', path: '?force=1', reason: /removed|killed/ },
  ]) {
    it(`that are ${what} from outside say so`, async () => {
      const bench = await ground().bench();
      const { guest, ref } = await bench.start();
      const method = path.startsWith('?') ? 'DELETE' : 'POST';
      await ground().ask(method, `/containers/${nameOf(ref)}${path}`);
      const end = await guest.ended;
      assert.match(end.kind === 'died' ? end.reason : '', reason);
    });
  }

  it('that run out of memory as a whole say so', async () => {
    const bench = await ground().bench();
    const { guest } = await bench.start({ limits: { memory: 48 << 20 } });
    // Files in memory cannot be given back, so that the kernel ends one program after the other.
    const fill = 'for d in /tmp /var/tmp /run /dev/shm; do head -c 40000000 /dev/zero >$d/x; done';
    await runIn(guest, fill).catch(() => undefined);
    const again = setInterval(() => void runIn(guest, fill).catch(() => undefined), 200);
    const end = await guest.ended.finally(() => clearInterval(again));
    assert.match(end.kind === 'died' ? end.reason : '', /memory ran out/);
  });

  it('are halted by force, and halting what does not run is no error', async () => {
    const bench = await ground().bench();
    const { guest, ref } = await bench.start();
    for (const _ of [1, 2]) await bench.driver.halt!(bench.context, ref);
    assert.equal((await guest.ended).kind, 'died');
    assert.equal(await bench.driver.inspect(bench.context, ref), 'stopped');
  });

  it('get another line when theirs breaks', async () => {
    const bench = await ground().bench();
    const { guest, ref, request } = await bench.start();
    // A second owner takes the line over, and the first one's connections end.
    const child = await guest.exec({ argv: ['sleep', '1000'] });
    const second = await bench.driver.open(bench.context, ref, request);
    await child.exited;
    assert.deepEqual((await runIn(second, ['true'])).status, succeeded);
  });

  it('under a name of ours that heyvm did not make are left alone', async () => {
    const bench = await ground().bench();
    const { guest, ref, request } = await bench.start();
    await guest.stop({ graceMs: 0 });
    const image = (await look(ref)).Image;
    await bench.driver.destroy(bench.context, ref);
    const again = await bench.driver.create(bench.context, request);
    const made = await post(bench, `/containers/create?name=${nameOf(again)}`, {
      Image: image,
      Cmd: ['true'],
    });
    assert.equal(made, 201);
    await assert.rejects(bench.driver.open(bench.context, again, request), { code: 'busy' });
  });

  it('whose sandbox is gone are swept, and those of the living and of other stores are not', async () => {
    const [orphan, living] = [await ground().bench(), await ground().bench()];
    const { ref } = await orphan.start();
    const kept = await living.start();
    const machine = await machineOf(docker);
    // As after a removal that forgot the engine.
    renameSync(orphan.context.state, `${orphan.context.state}-gone`);
    assert.deepEqual(await orphan.driver.sweep({ ...machine, storeId: 'another' }, new Set()), []);
    assert.ok((await all()).includes(nameOf(ref)));
    const swept = await orphan.driver.sweep(machine, new Set([living.request().id]));
    assert.ok(swept.some(({ path }) => path.includes(nameOf(ref))));
    const names = await all();
    assert.deepEqual([names.includes(nameOf(ref)), names.includes(nameOf(kept.ref))], [false, true]);
  });

  it('leave no copy of an image that is in no store any more', async () => {
    const machine = { ...(await machineOf(docker)), storeId: `images${process.pid}` };
    const engine = engineAt(parseAddress(String((machine.options as { connect: string }).connect)));
    const name = (tag: string) => `heyvm-${machine.storeId}:${tag}`;
    const copy = async (tag: string, kind: string, digest: string): Promise<void> => {
      const labels = { 'heyvm.store': machine.storeId, 'heyvm.kind': kind, 'heyvm.digest': digest };
      const changes = Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`);
      // The end of an archive with nothing in it.
      const files = Readable.from([Buffer.alloc(1024)], { objectMode: false });
      const options = { repo: name('').slice(0, -1), tag, changes };
      await follow(await engine.call('import', each => each.importImage(files, options)), () => {});
    };
    await copy('one', 'image', 'sha256:needed');
    await copy('two', 'image', 'sha256:gone');
    await copy('base-three', 'base', 'sha256:gone');
    const { driver } = await ground().bench();
    assert.deepEqual(await driver.sweep(machine, new Set()), []);
    const isImageNeeded = async (digest: string): Promise<boolean> => digest === 'sha256:needed';
    const swept = await driver.sweep({ ...machine, isImageNeeded }, new Set());
    assert.deepEqual(swept.map(({ path }) => path).sort(), [name('base-three'), name('two')]);
    const none = { ...machine, isImageNeeded: async () => false };
    assert.deepEqual(
      (await driver.sweep(none, new Set())).map(({ path }) => path),
      [name('one')],
    );
  });

  it('from an image that does not exist are refused, and nothing is left', async () => {
    const bench = await ground().bench();
    const image = { kind: 'reference', name: 'localhost:1/no-such-image:1' } as const;
    await assert.rejects(bench.start({ image }), { code: 'image-not-found' });
    assert.equal(existsSync(bench.context.state), false);
  });

  it('with a runtime that the engine does not have are refused', async () => {
    const bench = await ground().bench();
    const options = { ...(bench.context.options as object), runtime: 'no-such-runtime' };
    await assert.rejects(bench.start({ options }), { code: 'guest-failed', message: /no-such-runtime/ });
    assert.equal(await bench.driver.inspect(bench.context, { version: 1 }), 'stopped');
  });
});

type Inspected = {
  readonly Id: string;
  readonly Image: string;
  readonly State: { readonly StartedAt: string };
  readonly Config: { readonly Labels: Record<string, string> };
  readonly HostConfig: Record<'CapDrop' | 'CapAdd' | 'SecurityOpt', string[] | null> &
    Record<'Privileged' | 'ReadonlyRootfs', boolean> &
    Record<'Memory' | 'MemorySwap' | 'NanoCpus' | 'PidsLimit', number> & { readonly NetworkMode: string };
};

async function post(bench: Bench, path: string, body: unknown): Promise<number> {
  const socket = String((bench.context.options as { connect: string }).connect).replace('unix://', '');
  const { status } = await ask(socket, 'POST', path, body);
  return status;
}
