// A libvirt that is reached by ssh and is this very machine's: a machine runs there as it does without.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { which } from '../../scripts/lib/command.ts';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import { ensureSshKey } from '../../server/platform/sshKey.ts';
import { makeBench, runIn } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import { groundOf } from '../support/grounds.ts';

describe('machines of a libvirt behind ssh', function () {
  this.timeout(180_000);
  let folder: string;
  let sshd: ChildProcess | undefined;
  let uri: string;

  before(async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: libvirt behind ssh: ${why}`);
      return this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'hvs-'));
    const port = await freePort();
    const [host, key] = [join(folder, 'host'), join(folder, 'key')];
    await ensureSshKey(host);
    writeFileSync(join(folder, 'authorized'), `${(await ensureSshKey(key)).publicLine}\n`);
    const lines = ['ListenAddress 127.0.0.1', `Port ${port}`, `HostKey ${host}`, 'PidFile none', 'UsePAM no'];
    lines.push(`AuthorizedKeysFile ${join(folder, 'authorized')}`, 'StrictModes no');
    writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`);
    sshd = spawn(which('sshd') ?? '', ['-D', '-f', join(folder, 'config'), '-E', join(folder, 'log')]);
    await eventually(() => existsSync(join(folder, 'log')), { what: 'the ssh server' });
    uri = `qemu+ssh://127.0.0.1:${port}/session?keyfile=${key}&no_verify=1`;
  });

  after(() => {
    sshd?.kill();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('are started, run programs and end by their own means', async () => {
    const bench = await makeBench(libvirt);
    try {
      const options = { connect: uri };
      const found = await bench.driver.probe({ ...bench.context, options });
      assert.equal(found.kind, 'ready', JSON.stringify(found));
      const { guest, ref } = await bench.start({ options });
      assert.equal((await runIn(guest, 'echo hello >file; pwd')).stdout, '/workspace\n');
      assert.equal(await bench.driver.inspect(bench.context, ref), 'running');
      assert.deepEqual(await guest.stop({ graceMs: 20_000 }), { kind: 'stopped', forced: false });
      assert.ok(existsSync(join(bench.workspace, 'file')));
    } finally {
      await bench.dispose();
    }
  });
});

async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() === 0) return 'root has no libvirt of its own';
  const missing = ['sshd', 'ssh', 'virt-ssh-helper', 'libvirtd'].find(name => which(name) === undefined);
  if (missing !== undefined) return `the program ${missing} is not installed`;
  const ground = await groundOf(libvirt);
  return ground.kind === 'not run' ? ground.why : undefined;
}
