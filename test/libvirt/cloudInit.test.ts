// Images of vendors, which boot by themselves and are told who they are by a seed: machines that go on from one first boot.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import ssh2 from 'ssh2';
import { Stop } from '../../scripts/lib/say.ts';
import { ensureVendorDisk } from '../../scripts/lib/vendorDisk.ts';
import { linesOf } from '../../server/backends/libvirt/guest.ts';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import { placesOf } from '../../server/backends/libvirt/places.ts';
import { readSetup, tellSetup } from '../../server/backends/libvirt/setup.ts';
import type { DriverContext, LaunchRequest, Ref } from '../../server/core/backend.ts';
import type { Guest } from '../../server/core/guest.ts';
import { ensureSshKey } from '../../server/platform/sshKey.ts';
import { releaseGuest } from '../../server/wire/setup.ts';
import { type Bench, makeBench, runIn, succeeded } from '../contract/bench.ts';
import { vendorImage } from '../support/vendorImage.ts';

describe('an image that a vendor made', function () {
  // Its own system comes up from nothing, interpreted instruction by instruction where there is no KVM.
  this.timeout(900_000);
  let bench: Bench;
  let managed: string;
  let publicLine: string;
  let guest: Guest;
  let ref: Ref;
  let request: LaunchRequest;

  before(async function () {
    const disk = await diskOrReason();
    if (typeof disk !== 'string') {
      console.log(`not run: images of vendors: ${disk.why}`);
      return this.skip();
    }
    bench = await makeBench(libvirt);
    const keys = await ensureSshKey(join(bench.folder, 'managed'));
    managed = keys.pem;
    publicLine = keys.publicLine;
    Object.assign(bench.context, shared());
    writeFileSync(join(bench.workspace, 'from-the-host'), 'hello\n');
    const started = await bench.start({
      ...{ network: 'open', image: vendorImage(disk) },
      limits: { disk: 6 * GIB },
    });
    guest = started.guest;
    ref = started.ref;
    request = started.request;
  });

  /** What machines of one store have in common. */
  function shared(): Partial<DriverContext> {
    return { publicKey: async () => publicLine, cache: join(bench.folder, 'cache') };
  }

  after(async () => {
    await bench?.dispose();
  });

  it('runs programs as the person, in the workspace, on a kernel and with an init of its own', async () => {
    const said = await runIn(
      guest,
      'echo from-the-guest >file; cat from-the-host; pwd; id -u; hostname; cat /proc/1/comm; sudo -n id -u',
    );
    assert.deepEqual(said.status, succeeded, said.stderr);
    assert.equal(
      said.stdout,
      ['hello', '/workspace', request.owner.uid, request.name, 'systemd', 0, ''].join('\n'),
    );
    assert.equal((await runIn(guest, ['stat', '-c', '%u', 'file'])).stdout, `${request.owner.uid}\n`);
  });

  it('is told everything: nothing that it does at its first boot fails', async () => {
    const { stdout } = await runIn(guest, 'sudo cloud-init status --wait --long');
    assert.match(stdout, /^status: done$/m);
    const { stdout: read } = await runIn(guest, 'sudo cloud-init schema --system');
    assert.match(read, /^Valid cloud-config/m);
    const { stdout: failed } = await runIn(guest, 'systemctl --failed --plain --no-legend');
    assert.equal(failed, '');
  });

  it('grows into the disk that was asked for', async () => {
    const { stdout } = await runIn(guest, 'df --output=size -B1 / | tail -1');
    assert.ok(Number(stdout) > 4.5 * GIB, stdout);
  });

  it('has an ssh server with the key that was made for it, which lets the managed key in', async () => {
    assert.deepEqual(await overSsh(guest, managed, 'id -un'), { host: await hostOf(bench), said: 'dev\n' });
    const { pem } = await ensureSshKey(join(bench.folder, 'stranger'));
    await assert.rejects(overSsh(guest, pem, 'true'), /authentication/);
  });

  it('is as ready as the first of its kind was, and another machine than that', async () => {
    const other = await makeBench(libvirt);
    Object.assign(other.context, shared());
    try {
      const second = await other.start({ ...request, ...placeOf(other) });
      const both = [
        { place: bench, guest, name: request.name },
        { place: other, guest: second.guest, name: second.request.name },
      ];
      const seen = [];
      for (const { place, guest, name } of both) {
        assert.deepEqual(
          place.log.filter(line => line.startsWith('it boots')),
          [],
        );
        const { stdout } = await runIn(
          guest,
          `cat ${BOOT_ID} /etc/machine-id /sys/class/net/e*/address; hostname`,
        );
        const [boot, machine, card, called] = stdout.trim().split('\n');
        assert.equal(called, name);
        const { stdout: journal } = await runIn(guest, 'sudo journalctl --quiet --lines 1 --output cat');
        assert.notEqual(journal, '', 'the journal is not that of this machine');
        const host = await hostOf(place);
        assert.deepEqual(await overSsh(guest, managed, 'hostname'), { host, said: `${name}\n` });
        seen.push({ boot, machine, card, host });
      }
      const [first, next] = seen;
      assert.equal(next?.boot, first?.boot, 'one of them booted');
      for (const what of ['machine', 'card', 'host'] as const) {
        assert.ok(next?.[what], what);
        assert.notEqual(next[what], first?.[what], what);
      }
    } finally {
      await other.dispose();
    }
  });

  it('refuses a kernel that cannot show the workspace, and says what to do', async () => {
    const setup = await readSetup(bench.context);
    assert.ok(setup);
    const connect = linesOf.get(guest);
    assert.ok(connect);
    assert.deepEqual(await releaseGuest(connect), []);
    const hide = 'sudo mv $(find /lib/modules -name 9p.ko) /var/tmp && sudo rmmod 9p';
    assert.deepEqual((await runIn(guest, hide, { cwd: '/' })).status, succeeded);
    await assert.rejects(tellSetup(connect, setup), { code: 'unsupported', message: /no 9p/ });
    const back =
      'sudo insmod /var/tmp/9p.ko && sudo mv /var/tmp/9p.ko /lib/modules/$(uname -r)/kernel/fs/9p/';
    assert.deepEqual((await runIn(guest, back, { cwd: '/' })).status, succeeded);
    await tellSetup(connect, setup);
    assert.equal((await runIn(guest, 'pwd')).stdout, '/workspace\n');
  });

  it('is copied with its running programs, at once', async () => {
    await runIn(guest, 'sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >/tmp/pid', { cwd: '/' });
    const { snapshots } = bench.driver;
    assert.ok(snapshots);
    const taken = await snapshots.take(bench.context, ref, { name: 'one', guest, memory: 'wanted' });
    assert.equal(taken.memory, true, taken.why);
    const other = await makeBench(libvirt);
    Object.assign(other.context, shared());
    try {
      const copy = await other.start({ ...request, ...placeOf(other), from: taken.ref });
      const said = await runIn(copy.guest, 'kill -0 $(cat /tmp/pid) && hostname; ls /workspace');
      assert.equal(said.stdout, `${copy.request.name}\n`, other.log.join('\n'));
      const { host } = await overSsh(copy.guest, managed, 'true');
      assert.equal(host, await hostOf(other));
    } finally {
      await other.dispose();
    }
  });

  it('ends by its own means, and is the same machine at its second start, even where its kernel has no 9p', async () => {
    assert.equal(guest.workspace, undefined);
    await runIn(guest, 'echo kept >$HOME/kept; sudo mv $(find /lib/modules -name 9p.ko) /var/tmp');
    assert.deepEqual(await guest.stop({ graceMs: 60_000 }), { kind: 'stopped', forced: false });
    guest = await bench.driver.open(bench.context, ref, request);
    assert.equal(guest.workspace, 'reverse-sftp');
    try {
      const said = await runIn(
        guest,
        'cat $HOME/kept file; sudo cloud-init status --wait >/dev/null; sudo cloud-init status; id -u',
      );
      assert.equal(said.stdout, `kept\nfrom-the-guest\nstatus: done\n${request.owner.uid}\n`);
      assert.deepEqual(await overSsh(guest, managed, 'hostname'), {
        host: await hostOf(bench),
        said: `${request.name}\n`,
      });
      const { stdout: boots } = await runIn(guest, 'ls /var/lib/cloud/instances');
      assert.equal(boots.trim().split('\n').length, 1);
    } finally {
      await guest.stop({ graceMs: 60_000 });
    }
  });
});

const GIB = 1024 ** 3;
/** Made once for each boot. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** The key that its ssh server was given. */
async function hostOf({ context }: Bench): Promise<string> {
  return (await ensureSshKey(placesOf(context).hostKey)).publicLine;
}

/** What no two sandboxes share. */
function placeOf(bench: Bench): Pick<LaunchRequest, 'id' | 'name' | 'workspace' | 'mounts'> {
  const { id, name, workspace, mounts } = bench.request();
  return { id, name, workspace, mounts };
}

/** The whole protocol over a connection that the guest program makes inside. */
async function overSsh(
  guest: Guest,
  privateKey: string,
  command: string,
): Promise<{ host: string; said: string }> {
  const sock = await guest.dial({ kind: 'tcp', host: '127.0.0.1', port: 22 });
  const client = new ssh2.Client();
  let host = '';
  try {
    await new Promise((resolve, reject) => {
      client.on('ready', () => resolve(undefined)).on('error', reject);
      client.connect({
        ...{ sock, username: 'dev', privateKey, readyTimeout: 60_000 },
        hostVerifier: (key: Buffer) => {
          host = `ssh-ed25519 ${key.toString('base64')}`;
          return true;
        },
      });
    });
    const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) => {
      client.exec(command, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    return { host, said: await text(channel) };
  } finally {
    client.end();
  }
}

async function diskOrReason(): Promise<string | { readonly why: string }> {
  if (process.getuid?.() === 0) return { why: 'root has no libvirt of its own' };
  const trial = await makeBench(libvirt);
  try {
    const found = await trial.driver.probe(trial.context);
    if (found.kind !== 'ready') return { why: found.kind === 'missing' ? found.what : found.why };
    return await ensureVendorDisk();
  } catch (error) {
    if (error instanceof Stop) return { why: error.message };
    throw error;
  } finally {
    await trial.dispose();
  }
}
