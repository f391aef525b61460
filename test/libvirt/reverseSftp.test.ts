// Workspaces that are served over SFTP: what the contract asks of them, attacks on git, and owners that die.
import { strict as assert } from 'node:assert';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Capabilities } from '../../server/protocol/backend.ts';
import { type Bench, makeBench, runIn, succeeded } from '../contract/bench.ts';
import { workspaceCases } from '../contract/cases/workspace.ts';
import { attackGit } from '../isolation/support/gitAttacks.ts';
import { whyNot } from '../isolation/support/target.ts';
import { inAnotherOwner } from './support/anotherOwner.ts';
import { overSftp } from './support/overSftp.ts';

describe('a workspace over SFTP', function () {
  this.timeout(300_000);
  let bench: Bench;
  let here: Capabilities;

  before(async function () {
    const why = process.getuid?.() === 0 ? 'root has no libvirt of its own' : await whyNot(overSftp);
    if (why !== undefined) {
      console.log(`not run: a workspace over SFTP: ${why}`);
      return this.skip();
    }
    const trial = await makeBench(overSftp);
    const found = await trial.driver.probe(trial.context);
    await trial.dispose();
    assert.equal(found.kind, 'ready');
    here = found.capabilities;
  });

  beforeEach(async () => {
    bench = await makeBench(overSftp);
  });

  afterEach(() => bench?.dispose());

  workspaceCases({ backend: overSftp, here: () => here, bench: () => bench });

  it('is what the probe and the guest say', async () => {
    assert.equal(here.workspace, 'reverse-sftp');
    const { guest } = await bench.start();
    assert.equal(guest.workspace, 'reverse-sftp');
    const { stdout } = await runIn(guest, 'cat /proc/self/mounts; ls /sys/bus/virtio/drivers/9pnet_virtio');
    assert.match(stdout, /^heyvm \/workspace fuse.heyvm rw,nosuid,nodev/m);
    assert.doesNotMatch(stdout, / 9p |virtio\d/);
  });

  it('is a good place for git and for files of all sizes', async () => {
    const { guest, request } = await bench.start();
    const script = [
      'git init -q . && git config user.name x && git config user.email x@y',
      'for i in $(seq 30); do echo $i >file-$i; done; mkdir -p a/b && head -c 3000000 /dev/urandom >a/b/large',
      'git add . && git commit -qm one && git status --porcelain && git gc -q && git fsck 2>&1',
      'sha256sum <a/b/large; chmod 751 file-1; touch -d "2001-02-03 04:05:06.123456789" file-2; ln file-3 hard',
    ];
    const { status, stdout, stderr } = await runIn(guest, script.join('\n'));
    assert.deepEqual(status, succeeded, stderr);
    const { createHash } = await import('node:crypto');
    const large = readFileSync(join(bench.workspace, 'a', 'b', 'large'));
    assert.equal(stdout, `${createHash('sha256').update(large).digest('hex')}  -\n`);
    const [mode, time, links] = ['file-1', 'file-2', 'hard'].map(name =>
      statSync(join(bench.workspace, name), { bigint: true }),
    );
    assert.equal(Number(mode?.mode) & 0o7777, 0o751);
    assert.equal(Number((time?.mtimeNs ?? 0n) % 1_000_000_000n), 123_456_789);
    assert.equal(Number(links?.nlink), 2);
    assert.equal(Number(links?.uid), process.getuid?.());
    assert.equal((await runIn(guest, 'stat -c %u file-1')).stdout, `${request.owner.uid}\n`);
  });

  it('comes back with the next owner, to programs that use it', async () => {
    const request = bench.request();
    const options = { workspace: 'reverse-sftp' };
    const writer = 'exec 3>>/workspace/log; while :; do echo on >&3; sleep 0.1; done';
    const ref = await inAnotherOwner(
      bench,
      { ...request, options },
      `cd /; sh -c '${writer}' >/tmp/said 2>&1 </dev/null & while [ ! -s /workspace/log ]; do sleep 0.1; done`,
    );
    const before = statSync(join(bench.workspace, 'log')).size;
    const guest = await bench.driver.open(bench.context, ref, request);
    assert.equal(guest.workspace, 'reverse-sftp');
    writeFileSync(join(bench.workspace, 'fresh'), 'fresh');
    assert.equal((await runIn(guest, 'cat fresh')).stdout, 'fresh');
    const grown = `while [ $(stat -c %s log) -le ${before + 6} ]; do sleep 0.1; done; cat /tmp/said`;
    const { status, stdout } = await runIn(guest, grown);
    assert.deepEqual([status, stdout.replaceAll(/.*I\/O error\n/g, '')], [succeeded, '']);
  });

  it('is let go of for a snapshot, and is there again', async () => {
    const { guest, ref } = await bench.start();
    await runIn(guest, 'sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >/tmp/pid', { cwd: '/' });
    const taken = await bench.driver.snapshots?.take(bench.context, ref, {
      ...{ name: 'one', guest, memory: 'wanted' },
    });
    assert.equal(taken?.memory, true, taken?.why);
    assert.equal((await runIn(guest, 'echo on >file; kill -0 $(cat /tmp/pid) && cat file')).stdout, 'on\n');
    const other = await makeBench(overSftp);
    try {
      const copy = await other.start({ from: taken?.ref });
      assert.equal((await runIn(copy.guest, 'kill -0 $(cat /tmp/pid) && ls')).stdout, '');
    } finally {
      await other.dispose();
    }
  });

  describe('under attack', () => attackGit(overSftp, 'those on mounts'));
});
