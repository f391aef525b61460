import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from '../../server/platform/sockets.ts';
import { guestOver } from '../../server/wire/client.ts';
import { muxOver } from '../../server/wire/mux.ts';
import type { GuestSetup } from '../../server/wire/setup.ts';
import { releaseGuest, setupGuest, shutdownGuest } from '../../server/wire/setup.ts';
import { eventually } from '../support/eventually.ts';
import { run, skipWithoutProgram } from './guestProgram.ts';
import { bootMachine, type Machine } from './machine.ts';

const OWN_CARD = '02:11:22:33:44:55';
const OWNER = { name: 'me', uid: 1234, gid: 1234, home: '/home/me' };

describe('a machine whose first process is the guest program', function () {
  // Without virtualization of the hardware, beside other work.
  this.timeout(180_000);
  let machine: Machine;
  let setup: GuestSetup;
  const sh = async (script: string): Promise<string> => {
    const { stdout, stderr, status } = await run(machine.guest, { argv: ['sh', '-c', script], cwd: '/' });
    assert.deepEqual(status, { kind: 'exited', code: 0 }, String(stderr));
    return String(stdout).trim();
  };

  before(async function () {
    skipWithoutProgram(this);
    const found = await bootMachine();
    if (typeof found === 'string') {
      console.log(`not run: ${found}`);
      this.skip();
    }
    machine = found;
    await mkdir(join(machine.shared, 'work'));
    await chmod(join(machine.shared, 'work'), 0o777);
    await writeFile(join(machine.shared, 'work', 'from-outside'), 'outside\n');
    await writeFile(join(machine.shared, 'secret'), 'read only\n');
    setup = {
      hostname: 'box',
      machine_id: randomBytes(16).toString('hex'),
      time_ms: Date.UTC(2031, 4, 5),
      entropy: randomBytes(64).toString('base64'),
      user: OWNER,
      shares: [{ tag: 'stage', kind: '9p', at: '/run/heyvm/share' }],
      binds: [
        { from: '/run/heyvm/share/work', to: '/workspace', mode: 'rw' },
        { from: '/run/heyvm/share/secret', to: '/opt/deep/secret', mode: 'ro' },
      ],
      network: { mac: OWN_CARD, address: '10.0.2.15/24', gateway: '10.0.2.2', dns: ['10.0.2.3'] },
      env: { FLAVOUR: 'salt' },
      workdir: '/workspace',
    };
  });
  after(() => machine?.close());

  it('runs programs as its administrator at first', async () => {
    assert.equal(await sh('id -u; pwd; cat /proc/1/comm'), '0\n/\ninit');
    assert.match(await machine.console(), /heyvm-guest ready/);
  });

  it('may have another guest program beside its first process', async () => {
    await sh('/proc/1/exe vm --port other.0 --detach > /tmp/said 2>&1');
    const mux = await muxOver(await connect(machine.otherPort), { signal: AbortSignal.timeout(60_000) });
    const beside = guestOver(() => mux.connect());
    await setupGuest(() => mux.connect(), {
      env: { WHO: 'beside' },
      user: { ...OWNER, name: 'other', uid: 77 },
    });
    const { stdout } = await run(beside, { argv: ['sh', '-c', 'echo $WHO; id -u; cat /tmp/said'], cwd: '/' });
    assert.equal(String(stdout), 'beside\n77\nheyvm-guest ready\n');
    assert.equal(await sh('id -u; test -x /home/me'), '0');
    const started = await beside.exec({ argv: ['sleep', '1000'], cwd: '/' });
    await sh('pkill -TERM -f "vm --port [o]ther.0"');
    assert.deepEqual(await started.exited, { kind: 'signalled', signal: 'HUP' });
    mux.close();
  });

  it('becomes what it is told, as often as it is told', async () => {
    for (let time = 0; time < 2; time++) await setupGuest(machine.connect, setup);
    assert.equal(
      await sh('id -un; id -u; hostname; cat /etc/machine-id'),
      `me\n1234\nbox\n${setup.machine_id}`,
    );
    assert.equal(await sh('echo $HOME $USER $FLAVOUR; date -u +%F'), '/home/me me salt\n2031-05-05');
    assert.equal(await sh('grep -c ^me: /etc/passwd; cat /etc/resolv.conf'), '1\nnameserver 10.0.2.3');
    assert.match(await sh('cat /proc/net/route'), /^eth0\s+00000000\s+0202000A/m);
    assert.equal(await sh('cat /sys/class/net/eth0/address'), OWN_CARD);
    assert.match(await sh('grep -c " /workspace " /proc/self/mountinfo'), /^1$/);
  });

  it('gets another card while the network is in use', async () => {
    const server = createServer(socket => socket.end('from the host\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const hear = async (): Promise<string> =>
      text(await machine.guest.dial({ kind: 'tcp', host: '10.0.2.2', port }));
    try {
      const { network } = setup;
      assert.ok(network);
      for (const mac of ['02:00:00:00:00:0f', OWN_CARD]) {
        assert.equal(await hear(), 'from the host\n');
        await setupGuest(machine.connect, { ...setup, network: { ...network, mac } });
        assert.equal(await sh('cat /sys/class/net/eth0/address'), mac);
        assert.equal(await hear(), 'from the host\n');
      }
    } finally {
      server.close();
    }
  });

  it('shows the folders of the host where they belong', async () => {
    assert.equal(await sh('cat /workspace/from-outside /opt/deep/secret'), 'outside\nread only');
    assert.equal(await sh('echo x > /opt/deep/secret || echo refused'), 'refused');
    const { stdout } = await run(machine.guest, {
      argv: ['sh', '-c', 'pwd; echo in > made'],
      cwd: '/workspace',
    });
    assert.equal(String(stdout), '/workspace\n');
    assert.equal(await readFile(join(machine.shared, 'work', 'made'), 'utf8'), 'in\n');
    assert.equal((await stat(join(machine.shared, 'work', 'made'))).uid, OWNER.uid);
  });

  it('gives programs a terminal and streams of their own', async () => {
    assert.equal(await sh('echo through > /dev/stdout'), 'through');
    const started = await machine.guest.exec({
      argv: ['sh', '-c', 'stat -c %U $(tty); stty size'],
      cwd: '/',
      pty: { term: 'xterm', size: { columns: 100, rows: 30 } },
    });
    let text = '';
    started.stdout.on('data', chunk => {
      text += String(chunk);
    });
    assert.deepEqual(await started.exited, { kind: 'exited', code: 0 });
    assert.equal(text, 'me\r\n30 100\r\n');
  });

  it('serves files and connections as its user', async () => {
    const refused = await machine.guest.dial({ kind: 'unix', path: '/etc/shadow' }).catch(error => error);
    assert.equal(refused.code, 'policy-refused');
    const files = await machine.guest.sftp();
    files.write(packet(1, Buffer.from([0, 0, 0, 3])));
    await once(files, 'data');
    const path = Buffer.from('/etc/shadow');
    const open = Buffer.concat([number(7), number(path.length), path, number(1), number(0)]);
    files.write(packet(3, open));
    const [answer] = await once(files, 'data');
    // A status that says that permission is denied.
    assert.deepEqual([answer[4], answer.readUInt32BE(9)], [101, 3]);
    files.destroy();
  });

  it('lets go of what it shows, unless somebody uses it', async () => {
    const holder = await machine.guest.exec({ argv: ['sleep', '1000'], cwd: '/workspace' });
    const busy = await releaseGuest(machine.connect);
    assert.deepEqual(
      busy.map(({ command }) => command),
      ['sleep 1000'],
    );
    assert.equal(await sh('cat /workspace/from-outside'), 'outside');
    holder.hangUp();
    await eventually(async () => (await releaseGuest(machine.connect)).length === 0);
    assert.equal(await sh('ls /workspace; grep -c 9p /proc/self/mounts || true'), '0');
    await setupGuest(machine.connect, setup);
    assert.equal(await sh('cat /workspace/from-outside'), 'outside');
  });

  it('hangs programs up when their owner goes, and serves the next one', async () => {
    for (const way of ['closed', 'taken over'] as const) {
      const started = await machine.guest.exec({ argv: ['sh', '-c', 'echo $$; exec sleep 1000'], cwd: '/' });
      const [pid] = await once(started.stdout, 'data');
      const flood = await machine.guest.exec({ argv: ['cat', '/dev/zero'], cwd: '/' });
      await eventually(() => flood.stdout.readableLength > 0);
      await machine.reattach(way);
      await eventually(async () => (await sh(`ls -d /proc/${Number(pid)} 2>/dev/null || true`)) === '');
    }
  });

  it('says the same to many at once', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => sh(`echo ${index}`));
    assert.deepEqual(
      await Promise.all(texts),
      texts.map((_, index) => String(index)),
    );
  });

  it('turns itself off', async () => {
    await sh('echo kept > /workspace/kept');
    await machine.guest.exec({ argv: ['sh', '-c', 'trap "" TERM HUP; sleep 1000'], cwd: '/workspace' });
    await shutdownGuest(machine.connect);
    await machine.off;
    assert.equal(await readFile(join(machine.shared, 'work', 'kept'), 'utf8'), 'kept\n');
    assert.doesNotMatch(await machine.console(), /panic|failed/i);
  });
});

function packet(kind: number, body: Buffer): Buffer {
  return Buffer.concat([number(body.length + 1), Buffer.from([kind]), body]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
