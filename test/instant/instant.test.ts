// Machines that are resumed instead of booted: each is its own, and a template is never trusted further than it is good.
import { strict as assert } from 'node:assert';
import { chmodSync, lstatSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Guest } from '../../server/core/guest.ts';
import { makeStable, outputOf, type Stable } from './support/stable.ts';

const HERD = 10;

describe('machines that are resumed from a template', function () {
  this.timeout(300_000);
  let stable: Stable;

  before(async function () {
    const made = await makeStable();
    if (typeof made === 'string') {
      console.log(`not run: machines that are resumed: ${made}`);
      return this.skip();
    }
    stable = made;
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await stable.endAll();
  });

  after(() => stable?.dispose());

  it('makes one template for many starts at once, and each machine is its own', async () => {
    const animals = Array.from({ length: HERD }, () => stable.animal());
    try {
      const guests = await Promise.all(animals.map(async one => (await one.start()).guest));
      assert.equal(stable.templates().length, 1);
      for (const [index, guest] of guests.entries()) {
        const { name, workspace } = animals[index]!;
        assert.equal(await outputOf(guest, 'hostname; cat /workspace/whose'), `${name}\n${name}`);
        await outputOf(guest, 'echo made inside > /workspace/inside');
        assert.equal(readFileSync(join(workspace, 'inside'), 'utf8'), 'made inside\n');
        const seconds = Number(await outputOf(guest, 'date +%s'));
        assert.ok(Math.abs(seconds - Date.now() / 1000) < 30, `the clock says ${seconds}`);
      }
      await assertAllDiffer(guests, 'cat /etc/machine-id');
      await assertAllDiffer(guests, 'head -c 16 /dev/urandom | od -An -tx8');
      await assertAllDiffer(guests, 'cat /proc/sys/kernel/random/uuid');
      const others = animals.slice(1).map(({ name }) => name);
      const seen = await outputOf(guests[0]!, 'cat /workspace/* /run/heyvm/share/*/* 2>/dev/null; ls /');
      assert.deepEqual(
        others.filter(name => seen.includes(name)),
        [],
      );
      assert.equal(animals.filter(({ log }) => log.some(line => line.startsWith('it boots'))).length, 0);
    } finally {
      await Promise.all(animals.map(one => one.end()));
    }
  });

  it('keeps what one machine writes to its disk from the next', async () => {
    const [first, second] = [stable.animal(), stable.animal()];
    const { guest } = await first.start();
    await outputOf(guest, 'echo mine > /var/tmp/mine; sync');
    await first.end();
    const next = await second.start();
    assert.match(await outputOf(next.guest, 'cat /var/tmp/mine'), /No such file/);
    await second.end();
  });

  it('keeps memory, disks and what it was told from everybody else on this machine', async () => {
    const animal = stable.animal();
    await animal.start();
    const [template] = stable.templates();
    assert.ok(template !== undefined);
    const folders = [animal.context.state, join(stable.cache, 'templates', template)];
    const files = folders.flatMap(filesBelow);
    assert.ok(files.length > 8, files.join(' '));
    const open = files.filter(path => (lstatSync(path).mode & 0o077) !== 0);
    assert.deepEqual(open, []);
    await animal.end();
  });

  it('boots a machine with the disk that it has when it starts another time', async () => {
    const animal = stable.animal();
    const first = await animal.start();
    await outputOf(first.guest, 'echo mine > /var/tmp/mine; sync');
    await first.guest.stop({ graceMs: 20_000 });
    const second = await stable.driver.open(animal.context, first.ref, animal.request());
    assert.equal(await outputOf(second, 'cat /var/tmp/mine; hostname'), `mine\n${animal.name}`);
    await second.stop({ graceMs: 0 });
    await animal.end();
  });

  it('goes on after it was suspended to disk, with the programs that ran', async () => {
    const animal = stable.animal();
    const { guest, ref } = await animal.start();
    await outputOf(guest, 'cd /; echo 1 > /tmp/in-memory; setsid sleep 1000 </dev/null >/dev/null 2>&1 &');
    await stable.driver.suspending!.suspend(animal.context, ref, guest);
    await guest.ended;
    const again = await stable.driver.open(animal.context, ref, animal.request());
    assert.equal(await outputOf(again, 'cat /tmp/in-memory /workspace/whose'), `1\n${animal.name}`);
    assert.match(await outputOf(again, 'pgrep -x sleep'), /[0-9]/);
    await again.stop({ graceMs: 0 });
    await animal.end();
  });

  it('boots when that is asked for', async () => {
    const animal = stable.animal();
    const { guest } = await animal.start({ cold: true });
    assert.equal(await outputOf(guest, 'hostname'), animal.name);
    assert.ok(animal.log.some(line => line.includes('a cold start was asked for')));
    await animal.end();
  });

  for (const part of ['moment', 'memory', 'disk.qcow2']) {
    it(`replaces a template whose ${part} was damaged`, async () => {
      const [known] = stable.templates();
      assert.ok(known !== undefined);
      damage(join(stable.cache, 'templates', known, part));
      const animal = stable.animal();
      const { guest } = await animal.start();
      assert.equal(await outputOf(guest, 'hostname; cat /workspace/whose'), `${animal.name}\n${animal.name}`);
      assert.ok(
        animal.log.some(line => line.includes('is damaged')),
        animal.log.join('\n'),
      );
      assert.equal(stable.templates().includes(known), false);
      assert.equal(stable.templates().length, 1);
      await animal.end();
    });
  }

  it('makes a template for each kind of machine, and removes the least used beyond the limit', async () => {
    const [known] = stable.templates();
    const animal = stable.animal();
    const limits = { memory: 300 * 1024 * 1024 };
    await animal.start({ limits });
    assert.equal(stable.templates().length, 2);
    await animal.end();
    const greedy = stable.animal();
    const options = { templates_bytes: 1 };
    const context = { ...greedy.context, options };
    const ref = await stable.driver.create(
      context,
      greedy.request({ limits: { memory: 320 * 1024 * 1024 } }),
    );
    const asked = greedy.request({ limits: { memory: 320 * 1024 * 1024 } });
    const guest = await stable.driver.open(context, ref, asked);
    assert.equal(stable.templates().length, 1);
    assert.equal(stable.templates().includes(known!), false);
    assert.equal(await outputOf(guest, 'hostname'), greedy.name);
    await guest.stop({ graceMs: 0 });
    await greedy.end();
  });
});

function damage(path: string): void {
  chmodSync(path, 0o600);
  if (path.endsWith('moment')) truncateSync(path, 1000);
  else writeFileSync(path, Buffer.from([1, 2, 3]), { flag: 'r+' });
}

async function assertAllDiffer(guests: readonly Guest[], script: string): Promise<void> {
  const answers = await Promise.all(guests.map(guest => outputOf(guest, script)));
  assert.equal(new Set(answers).size, guests.length, `${script}: ${answers.join(', ')}`);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}
