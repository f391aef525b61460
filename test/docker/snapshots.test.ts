// Snapshots of containers through a real engine: taken, gone back to, copied from, dropped.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker } from '../../server/backends/docker/index.ts';
import { machineOf, runIn } from '../contract/bench.ts';
import { ask, withEngine } from './ground.ts';

describe('snapshots of containers', function () {
  this.timeout(120_000);
  const ground = withEngine();
  const images = async (): Promise<string[]> => {
    const listed = JSON.parse((await ground().ask('GET', '/images/json')).body) as {
      RepoTags: string[] | null;
    }[];
    return listed.flatMap(({ RepoTags: tags }) => tags ?? []);
  };

  it('keep the home of a running guest, go back to it, and start others from it', async () => {
    const bench = await ground().bench();
    const { guest, ref, request } = await bench.start();
    await runIn(guest, 'echo one >~/state; ln -s state ~/link; chmod 600 ~/state');
    const { snapshots } = bench.driver;
    const taken = await snapshots!.take(bench.context, ref, { name: 'first', guest, memory: 'wanted' });
    assert.deepEqual([taken.memory, typeof taken.why], [false, 'string']);
    await runIn(guest, 'echo two >~/state; echo x >~/more');
    await assert.rejects(snapshots!.restore(bench.context, ref, taken.ref), { code: 'busy' });
    await guest.stop({ graceMs: 5_000 });

    const back = await snapshots!.restore(bench.context, ref, taken.ref);
    const again = await bench.driver.open(bench.context, back, request);
    assert.equal(
      (await runIn(again, 'cat ~/link; ls ~/more 2>/dev/null; stat -c %a ~/state')).stdout,
      'one\n600\n',
    );
    await again.stop({ graceMs: 0 });

    const copy = await ground().bench();
    const { guest: other } = await copy.start({ from: taken.ref });
    assert.equal((await runIn(other, 'cat ~/state')).stdout, 'one\n');
    await copy.dispose();

    const image = String(taken.ref['image']);
    assert.ok((await images()).includes(image));
    await bench.driver.destroy(bench.context, back);
    assert.equal((await images()).includes(image), false);
  });

  it('are dropped twice without an error, and a paused guest stays paused', async () => {
    const bench = await ground().bench();
    const { guest, ref } = await bench.start();
    await bench.driver.pausing!.pause(bench.context, ref);
    const taken = await bench.driver.snapshots!.take(bench.context, ref, {
      name: 'p',
      guest,
      memory: 'unwanted',
    });
    assert.equal(await bench.driver.inspect(bench.context, ref), 'paused');
    await bench.driver.pausing!.resume(bench.context, ref);
    const machine = await machineOf(docker);
    for (const _ of [1, 2]) assert.deepEqual(await bench.driver.snapshots!.drop(machine, taken.ref), []);
    assert.equal(existsSync(String(taken.ref['home'])), false);
    assert.equal((await images()).includes(String(taken.ref['image'])), false);
  });

  it('leave alone what a person started and built from them', async () => {
    const bench = await ground().bench();
    const { guest, ref } = await bench.start();
    const { snapshots } = bench.driver;
    const taken = await snapshots!.take(bench.context, ref, { name: 'base', guest, memory: 'unwanted' });
    const image = String(taken.ref['image']);
    const own = `own-${process.pid}`;
    const socket = String((bench.context.options as { connect: string }).connect).replace('unix://', '');
    const made = await ask(socket, 'POST', `/containers/create?name=${own}`, { Image: image, Cmd: ['true'] });
    assert.equal(made.status, 201);
    await ground().ask('POST', `/images/${image}/tag?repo=${own}&tag=mine`);
    try {
      await guest.stop({ graceMs: 0 });
      const gone = `${bench.context.state}-gone`;
      renameSync(bench.context.state, gone);
      await bench.driver.sweep(await machineOf(docker), new Set());
      renameSync(gone, bench.context.state);
      await bench.driver.destroy(bench.context, ref);
      assert.equal((await ground().ask('GET', `/containers/${own}/json`)).status, 200);
      const left = await images();
      assert.deepEqual([left.includes(image), left.includes(`${own}:mine`)], [false, true]);
    } finally {
      await ground().ask('DELETE', `/containers/${own}?force=1`);
      await ground().ask('DELETE', `/images/${own}:mine`);
    }
  });

  it('of a sandbox that never ran are its first state', async () => {
    const bench = await ground().bench();
    const ref = await bench.driver.create(bench.context, bench.request());
    mkdirSync(join(bench.context.state, 'home', 'kept'));
    writeFileSync(join(bench.context.state, 'home', 'kept', 'file'), 'x');
    const taken = await bench.driver.snapshots!.take(bench.context, ref, {
      name: 'fresh',
      memory: 'unwanted',
    });
    assert.equal(readFileSync(join(String(taken.ref['home']), 'kept', 'file'), 'utf8'), 'x');
    assert.deepEqual(await bench.driver.snapshots!.drop(await machineOf(docker), taken.ref), []);
    await bench.driver.destroy(bench.context, ref);
  });
});
