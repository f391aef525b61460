// Copies of running machines: what ran goes on in both, and each has its own name and workspace.
import { strict as assert } from 'node:assert';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import { DEFAULT_URI } from '../../server/backends/libvirt/options.ts';
import { domainName } from '../../server/backends/libvirt/record.ts';
import { libvirtAt } from '../../server/backends/libvirt/virsh.ts';
import type { Guest } from '../../server/core/guest.ts';
import type { Run } from '../../server/core/ports.ts';
import { run } from '../../server/platform/run.ts';
import { eventually } from '../support/eventually.ts';
import { makeStable, outputOf, type Stable } from './support/stable.ts';

const COUNTER = 'cd /; n=0; while :; do n=$((n+1)); echo $n > /tmp/count; sleep 0.1; done';

describe('copies of running machines', function () {
  this.timeout(200_000);
  let stable: Stable;

  before(async function () {
    const made = await makeStable();
    if (typeof made === 'string') {
      console.log(`not run: copies of running machines: ${made}`);
      return this.skip();
    }
    stable = made;
  });

  after(() => stable?.dispose());

  it('go on with the programs that ran', async () => {
    const [parent, child] = [stable.animal(), stable.animal()];
    const { guest, ref } = await parent.start({ network: 'open' });
    await outputOf(guest, `setsid sh -c '${COUNTER}' </dev/null >/dev/null 2>&1 &`);
    await outputOf(guest, 'echo kept > /var/tmp/kept');
    const before = await eventually(() => countIn(guest));
    const taken = await (await snapshots()).take(parent.context, ref, {
      name: 'fork',
      guest,
      memory: 'wanted',
    });
    assert.deepEqual({ memory: taken.memory, why: taken.why }, { memory: true, why: undefined });
    assert.equal(await outputOf(guest, 'cat /workspace/whose'), parent.name);

    const copy = await child.start({ network: 'open', from: taken.ref });
    assert.equal(
      await outputOf(copy.guest, 'hostname; cat /workspace/whose'),
      `${child.name}\n${child.name}`,
    );
    assert.equal(await outputOf(copy.guest, 'cat /var/tmp/kept'), 'kept');
    for (const each of [guest, copy.guest]) {
      // The file is empty for a moment whenever it is written.
      const now = await eventually(() => countIn(each), { what: `a number; ${child.log.join('\n')}` });
      assert.ok(now >= before, `${now} after ${before}`);
      await eventually(async () => ((await countIn(each)) ?? 0) > now);
    }
    await outputOf(guest, 'pkill -f tmp/count');
    const last = await countIn(copy.guest);
    await eventually(async () => ((await countIn(copy.guest)) ?? 0) > (last ?? 0));
    for (const what of ['/etc/machine-id', '/sys/class/net/eth0/address']) {
      const [own, other] = await Promise.all([guest, copy.guest].map(each => outputOf(each, `cat ${what}`)));
      assert.notEqual(own, other, what);
    }
    await parent.end();
    assert.equal(
      await outputOf(copy.guest, 'cat /var/tmp/kept; ls /usr/bin | wc -l; cat /workspace/whose'),
      ['kept', await outputOf(copy.guest, 'ls /usr/bin | wc -l'), child.name].join('\n'),
    );
    await child.end();
  });

  it('are what a machine is when it is put back to its own snapshot', async () => {
    const animal = stable.animal();
    const { guest, ref } = await animal.start();
    await outputOf(guest, `setsid sh -c '${COUNTER}' </dev/null >/dev/null 2>&1 &`);
    await outputOf(guest, 'echo then > /var/tmp/state');
    await eventually(() => countIn(guest));
    const facet = await snapshots();
    const taken = await facet.take(animal.context, ref, { name: 'own', guest, memory: 'wanted' });
    assert.equal(taken.memory, true);
    await outputOf(guest, 'echo later > /var/tmp/state; pkill -f tmp/count');
    await guest.stop({ graceMs: 0 });
    const restored = await facet.restore(animal.context, ref, taken.ref);
    const again = await stable.driver.open(animal.context, restored, animal.request());
    assert.equal(await outputOf(again, 'cat /var/tmp/state; cat /workspace/whose'), `then\n${animal.name}`);
    assert.deepEqual(
      animal.log.filter(line => line.startsWith('it boots')),
      [],
    );
    const now = (await countIn(again)) ?? 0;
    await eventually(async () => ((await countIn(again)) ?? 0) > now);
    await again.stop({ graceMs: 0 });
    await animal.end();
  });

  it('have the disk alone while a program works in the workspace, and say so', async () => {
    const [parent, child] = [stable.animal(), stable.animal()];
    const { guest, ref } = await parent.start();
    const busy = await guest.exec({ argv: ['sleep', '1000'], cwd: '/workspace' });
    await outputOf(guest, 'echo kept > /var/tmp/kept');
    const taken = await (await snapshots()).take(parent.context, ref, {
      name: 'fork',
      guest,
      memory: 'wanted',
    });
    assert.equal(taken.memory, false);
    assert.match(taken.why ?? '', /sleep/);
    assert.equal(await outputOf(guest, 'cat /workspace/whose'), parent.name);
    busy.hangUp();
    const copy = await child.start({ from: taken.ref });
    assert.equal(await outputOf(copy.guest, 'hostname; cat /var/tmp/kept'), `${child.name}\nkept`);
    await Promise.all([parent.end(), child.end()]);
  });

  it('are not made when nobody waits for that any more, and the machine goes on', async () => {
    const animal = stable.animal();
    const { guest, ref } = await animal.start();
    const monitor = (execute: string, words = {}): Promise<string> => {
      const machine = domainName(animal.context, animal.id);
      const message = JSON.stringify({ execute, arguments: words });
      return libvirtAt(DEFAULT_URI, animal.context).call(['qemu-monitor-command', machine, message]);
    };
    const slow: Run = (argv, options) => {
      const [program, ...words] = argv;
      return run(
        [program, ...words.map(word => word.replace(/(max-bandwidth\W+)\d+/, '$11000000'))],
        options,
      );
    };
    const waits = new AbortController();
    const context = { ...animal.context, run: slow, signal: waits.signal };
    const taking = (await snapshots()).take(context, ref, { name: 'never', guest, memory: 'wanted' });
    const saving = async (): Promise<boolean> => /"active"/.test(await monitor('query-migrate'));
    await eventually(saving, { what: 'the begin of saving' });
    waits.abort();
    await Promise.allSettled([taking]);
    // What was not given up would be done now, and then the machine would stand still.
    await monitor('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 });
    await eventually(async () => !(await saving()), { what: 'the end of saving' });
    assert.equal(await stable.driver.inspect(animal.context, ref), 'running');
    assert.equal(await outputOf(guest, 'cat /workspace/whose'), animal.name);
    await animal.end();
  });
});

async function snapshots() {
  const { snapshots: facet } = await libvirt.load();
  assert.ok(facet !== undefined);
  return facet;
}

async function countIn(guest: Guest): Promise<number | undefined> {
  const text = await outputOf(guest, 'cat /tmp/count');
  return /^[0-9]+$/.test(text) ? Number(text) : undefined;
}
