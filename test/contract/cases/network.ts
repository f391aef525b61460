// Contract: the network is what was asked for, and connections from outside reach what listens inside.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Guest } from '../../../server/core/guest.ts';
import type { NetworkMode } from '../../../server/protocol/backend.ts';
import { eventually } from '../../support/eventually.ts';
import { runIn, succeeded } from '../bench.ts';
import { both, type Claim, caseFor, python } from '../claims.ts';
import type { Subject } from '../suite.ts';

const server = `
import http.server, socketserver, os, sys, threading
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        data = self.rfile.read()
        self.wfile.write(b'heard ' + data)
kind = sys.argv[1]
if kind == 'tcp':
    s = socketserver.ThreadingTCPServer(('127.0.0.1', int(sys.argv[2])), Handler)
else:
    s = socketserver.ThreadingUnixStreamServer(sys.argv[2], Handler)
print('ready', flush=True)
s.serve_forever()
`;

export function networkCases(subject: Subject): void {
  const { bench, here } = subject;
  const given = (mode: NetworkMode): Claim => ({
    what: `network ${mode}`,
    of: ({ network }) => network.includes(mode),
  });
  const dials = (kind: 'tcp' | 'unix'): Claim => ({
    what: `${kind} sockets`,
    of: ({ dial }) => dial.includes(kind),
  });
  describe('network', () => {
    caseFor(subject, both(given('none'), python))('none cannot reach the host', async () => {
      const web = createServer((_, response) => response.end('host'));
      web.listen(0, '127.0.0.1');
      await once(web, 'listening');
      try {
        const { guest } = await bench().start({ network: 'none' });
        assert.doesNotMatch((await runIn(guest, ['cat', '/proc/net/route'])).stdout, /^\S+\s+0{8}\s/m);
        assert.notDeepEqual((await connect(guest, web.address())).status, succeeded);
      } finally {
        web.close();
      }
    });

    caseFor(subject, both(given('open'), python))(
      'open can reach it, or has a way out of its own',
      async () => {
        const web = createServer((_, response) => response.end('host'));
        web.listen(0, '127.0.0.1');
        await once(web, 'listening');
        try {
          const { guest } = await bench().start({ network: 'open' });
          const reached = (await connect(guest, web.address())).status;
          const { stdout: routes } = await runIn(guest, ['cat', '/proc/net/route']);
          // A guest with addresses of its own has a default route, whose destination is all zeros.
          if (!/^\S+\s+0{8}\s/m.test(routes)) assert.deepEqual(reached, succeeded);
        } finally {
          web.close();
        }
      },
    );

    for (const kind of ['tcp', 'unix'] as const) {
      caseFor(subject, both(dials(kind), python))(
        `connections to ${kind} sockets pass bytes and half-closes`,
        async () => {
          const { guest } = await bench().start({ runtime: 'python' });
          const place = kind === 'tcp' ? '8765' : '/tmp/server';
          await serve(guest, kind, place);
          const target =
            kind === 'tcp' ? ({ kind, host: '127.0.0.1', port: 8765 } as const) : { kind, path: place };
          const stream = await guest.dial(target);
          assert.equal(await exchange(stream, 'hello'), 'heard hello');
        },
      );

      it(`connections to ${kind} sockets that nobody listens on are refused`, async () => {
        const { guest } = await bench().start();
        const target =
          kind === 'tcp'
            ? ({ kind, host: '127.0.0.1', port: 9 } as const)
            : ({ kind, path: '/tmp/nobody' } as const);
        await assert.rejects(guest.dial(target));
      });
    }

    caseFor(subject, both(dials('tcp'), python))('ports that something listens on are told', async () => {
      const { guest } = await bench().start({ runtime: 'python' });
      assert.deepEqual(await guest.listeningPorts(), []);
      await serve(guest, 'tcp', '8765');
      assert.deepEqual(
        (await guest.listeningPorts()).map(({ port }) => port),
        [8765],
      );
    });

    it('files are served when the manifest says so, and refused when not', async () => {
      const { guest } = await bench().start();
      if (here().files === 'none') return assert.rejects(guest.sftp());
      const stream = await guest.sftp();
      // SSH_FXP_INIT with version 3 is answered by SSH_FXP_VERSION with version 3.
      stream.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
      const [answer] = (await once(stream, 'data')) as [Buffer];
      assert.deepEqual([answer[4], answer.readUInt32BE(5)], [2, 3]);
      stream.destroy();
    });
  });
}

async function serve(guest: Guest, kind: 'tcp' | 'unix', place: string): Promise<void> {
  const child = await guest.exec({ argv: ['python3', '-c', server, kind, place] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await eventually(() => said.includes('ready'), { what: 'a server inside' });
}

async function connect(guest: Guest, address: unknown): ReturnType<typeof runIn> {
  const { port } = address as { port: number };
  const script = `import socket; socket.create_connection(('127.0.0.1', ${port}), 5)`;
  return runIn(guest, ['python3', '-c', script]);
}

async function exchange(stream: Duplex, words: string): Promise<string> {
  stream.end(words);
  return text(stream);
}
