// Attacks from inside any guest without a network on services of the host: ports, sockets in files, abstract sockets, engines.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { homedir, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { sharedDockerd } from '../../../scripts/lib/daemons/daemons.ts';
import type { Bench } from '../../contract/bench.ts';
import { declareGate } from '../support/tally.ts';
import { type Attack, holds, prisons, withTarget } from '../support/target.ts';

const ANSWER = `answer-of-the-host-${process.pid}`;

/** Where hosts are known to be reachable from guests: gateways of user networks and bridges, metadata services. */
const usual = [
  '127.0.0.1',
  '10.0.2.2',
  '10.0.2.3',
  '172.17.0.1',
  '192.168.122.1',
  '169.254.169.254',
  '0.0.0.0',
];

const PYTHON = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(bytes(sys.argv[1], "utf8").replace(b"@", b"\\0", 1) if sys.argv[1].startswith("@") else sys.argv[1])
print("connected")
print(s.recv(100))`;
const connect = (name: string) => `python3 -c '${PYTHON}' "${name}"`;

const attacks: readonly Attack[] = [
  {
    what: 'ports, at every address that a host may have',
    script:
      'for a in $ADDRESSES; do timeout 3 bash -c "exec 3<>/dev/tcp/$a/$PORT && head -n 1 <&3"; done 2>/dev/null',
    marker: ANSWER,
  },
  {
    what: 'ports of version six of the protocol',
    script:
      'for a in ::1 ::ffff:127.0.0.1; do timeout 3 bash -c "exec 3<>/dev/tcp/$a/$PORT && head -n 1 <&3"; done 2>/dev/null',
    marker: ANSWER,
  },
  { what: 'an abstract socket', script: connect('@$ABSTRACT'), marker: ANSWER },
  { what: 'a socket beside the workspace', script: connect('$SOCKET'), marker: ANSWER },
  {
    what: 'a socket over a link in the workspace',
    script: `ln -sfn "$FOLDER" "$W/s"; ${connect('$W/s/sock')}`,
    marker: ANSWER,
  },
  {
    what: 'sockets and interfaces that /proc tells of',
    script:
      'cat /proc/net/unix /proc/net/tcp /proc/[0-9]*/net/unix 2>/dev/null | grep -o "$ABSTRACT" | head -n 1',
    marker: 'heyvm-attack',
  },
];

describe('isolation everywhere: network none', function () {
  this.timeout(120_000);
  const servers: Server[] = [];
  const abstract = `heyvm-attack-${process.pid}`;
  let port = 0;

  before(async () => {
    const tcp = createServer(socket => socket.end(`${ANSWER}\n`)).listen(0, '::');
    const unix = createServer(socket => socket.end(ANSWER)).listen(`\0${abstract}`);
    servers.push(tcp, unix);
    await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
    port = (tcp.address() as { port: number }).port;
  });

  after(() => {
    for (const server of servers) server.close();
  });

  for (const backend of prisons()) {
    describe(backend.manifest.id, () => {
      const names = (bench: Bench) => ({
        PORT: String(port),
        ADDRESSES: [...new Set([...ownAddresses(), ...usual])].join(' '),
        ABSTRACT: abstract,
        SOCKET: join(bench.folder, 'sock'),
        FOLDER: bench.folder,
      });
      const target = withTarget(backend, {
        names,
        prepare: async ({ folder }) => {
          const server = createServer(socket => socket.end(ANSWER)).listen(join(folder, 'sock'));
          servers.push(server);
          await once(server, 'listening');
        },
      });

      for (const attack of attacks) {
        it(`${attack.what}: nobody answers`, () => holds(target(), attack, names(target().bench)));
      }

      it('no engine and no hypervisor can be reached', async () => {
        const engine = await sharedDockerd();
        const runtime = process.env['XDG_RUNTIME_DIR'] ?? '/run/user/0';
        const sockets = [
          ...(engine.kind === 'running' ? [engine.socket] : []),
          ...['/var/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock'],
          ...['/run/libvirt/libvirt-sock', join(runtime, 'libvirt', 'libvirt-sock')],
          join(homedir(), '.cache', 'libvirt', 'libvirt-sock'),
        ];
        const living = sockets.filter(path => existsSync(path));
        console.log(
          `      looked for ${sockets.length} sockets, of which ${living.length} are on this machine`,
        );
        for (const socket of sockets) {
          const attack = { what: socket, script: connect(socket), marker: 'connected' };
          if (living.includes(socket)) await holds(target(), attack, names(target().bench));
          else assert.ok(!(await target().sh(attack.script)).stdout.includes('connected'), socket);
        }
      });

      it('no socket that it can find leads to anybody but itself', async () => {
        const { stdout } = await target().sh(
          `for s in $(find / -xdev -type s -not -path "/proc/*" 2>/dev/null); do ${connect('$s')} 2>/dev/null && echo "$s"; done; true`,
        );
        // The guest program may listen inside; it serves this guest alone.
        const reached = stdout.split('\n').filter(line => line.startsWith('/'));
        assert.deepEqual(
          reached.filter(path => !/heyvm/.test(path)),
          [],
        );
      });

      it('there is no interface but loopback, and names cannot be resolved', async () => {
        const { stdout } = await target().sh(
          'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " " | grep -v -e "^lo$" -e "^sit0$" -e "^tunl0$"; getent hosts example.com; true',
        );
        assert.equal(stdout.trim(), '');
        assert.match(readFileSync('/proc/net/dev', 'utf8'), /lo:/);
      });
    });
  }
  declareGate(attacks.length);
});

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap(entries =>
    (entries ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address),
  );
}
