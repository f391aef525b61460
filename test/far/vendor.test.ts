// A vendor's disk on another machine: uploaded, told who it is by a seed that lies there, used, and taken away.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stop } from '../../scripts/lib/say.ts';
import { ensureVendorDisk } from '../../scripts/lib/vendorDisk.ts';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import { placesOf } from '../../server/backends/libvirt/places.ts';
import { ensureSshKey } from '../../server/platform/sshKey.ts';
import { type Bench, makeBench, runIn, succeeded } from '../contract/bench.ts';
import { skipBecause } from '../process/support/engine.ts';
import { vendorImage } from '../support/vendorImage.ts';
import { type SecondMachine, startSecondMachine, whyNoSecondMachine } from './support/secondMachine.ts';

describe('an image that a vendor made, on another machine', function () {
  // Its own system comes up from nothing, interpreted instruction by instruction where there is no KVM.
  this.timeout(900_000);
  let second: SecondMachine;
  let bench: Bench;
  let disk: string;

  before(async function () {
    const long = process.env['HEYVM_TEST_LONG'] === '1';
    skipBecause(
      this,
      long ? undefined : 'a vendor’s first boot on another machine takes minutes; HEYVM_TEST_LONG=1 runs it',
    );
    skipBecause(this, await whyNoSecondMachine());
    try {
      disk = await ensureVendorDisk();
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      skipBecause(this, error.message);
    }
    second = await startSecondMachine();
    bench = await makeBench(libvirt);
  });

  after(async () => {
    try {
      await bench?.dispose();
    } finally {
      await second?.dispose();
    }
  });

  it('boots there as the machine that was asked for, with the workspace of this one', async () => {
    const { publicLine: authorized } = await ensureSshKey(join(bench.folder, 'managed'));
    Object.assign(bench.context, {
      publicKey: async () => authorized,
      options: { connect: second.uri },
      cache: join(bench.folder, 'cache'),
    });
    writeFileSync(join(bench.workspace, 'from-here'), 'hello\n');
    const { guest, request } = await bench.start({
      options: bench.context.options,
      image: vendorImage(disk),
    });
    const said = await runIn(
      guest,
      'hostname; pwd; cat from-here; cat /proc/1/comm; echo back >from-there; cat from-there',
    );
    assert.deepEqual(said.status, succeeded, said.stderr);
    assert.equal(said.stdout, [request.name, '/workspace', 'hello', 'systemd', 'back', ''].join('\n'));
    assert.equal(guest.workspace, 'reverse-sftp');
    const { stdout } = await runIn(guest, 'cloud-init status --wait; cat /etc/ssh/ssh_host_ed25519_key.pub');
    const { publicLine } = await ensureSshKey(placesOf(bench.context).hostKey);
    assert.match(stdout, /^status: done$/m);
    assert.ok(stdout.includes(publicLine), stdout);
  });
});
