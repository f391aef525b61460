// Calls of an engine over every kind of address, and what becomes of them when it misbehaves.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { sharedDockerd } from '../../scripts/lib/daemons/daemons.ts';
import { whyNoDockerd } from '../../scripts/lib/daemons/dockerd.ts';
import { type Address, parseAddress } from '../../server/engine/address.ts';
import { EngineRefusal, engineAt } from '../../server/engine/engine.ts';
import { unframed } from '../../server/engine/unframed.ts';

const Version = z.looseObject({ ApiVersion: z.string() });

const versionOf = async (address: Address, signal?: AbortSignal) =>
  (await engineAt(address, signal).read('tell its version', Version, engine => engine.version())).ApiVersion;

describe('calls of an engine', function () {
  this.timeout(60_000);
  let folder = '';
  const servers: Server[] = [];
  const kept = { ...process.env };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hve-'));
  });

  afterEach(() => {
    for (const name of ['DOCKER_HOST', 'PATH']) {
      const value = kept[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const overUnix = async (answer: RequestListener): Promise<Address> => {
    const path = join(folder, 's');
    const server = createServer(answer).listen(path);
    servers.push(server);
    await once(server, 'listening');
    return { kind: 'unix', path };
  };
  const says = (version: string): RequestListener => {
    return (request, response) => {
      assert.equal(request.url, '/version');
      response.end(JSON.stringify({ ApiVersion: version }));
    };
  };

  /** Stands for ssh to a machine whose engine this is, and runs what that would run there. */
  const farIs = (socket: string): void => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const lines = ['#!/bin/sh', 'while [ "$1" != far ]; do shift; done; shift 2'];
    const script = [...lines, `exec docker -H unix://${socket} "$@"`, ''].join('\n');
    writeFileSync(join(bin, 'ssh'), script, { mode: 0o755 });
    process.env['PATH'] = `${bin}:${kept['PATH']}`;
  };

  it('go where they were sent, whatever DOCKER_HOST says', async () => {
    const address = await overUnix(says('1.99'));
    for (const host of ['unix:///nonexistent', 'tcp://127.0.0.1:1', 'tcp://[broken']) {
      process.env['DOCKER_HOST'] = host;
      assert.equal(await versionOf(address), '1.99');
      assert.equal(process.env['DOCKER_HOST'], host);
    }
  });

  it('go over TCP', async () => {
    const server = createServer(says('1.98')).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.equal(await versionOf(parseAddress(`tcp://127.0.0.1:${port}`)), '1.98');
    server.close();
    await once(server, 'close');
    await assert.rejects(versionOf(parseAddress(`tcp://127.0.0.1:${port}`)), {
      code: 'backend-missing',
      message: /no engine listens/,
    });
  });

  it('go over TLS, to the engine that has the certificate and no other', async () => {
    const make = (name: string): void => {
      const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
      const files = ['-keyout', join(folder, `${name}key.pem`), '-out', join(folder, `${name}cert.pem`)];
      const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      execFileSync('openssl', [...words, ...files, ...names], { stdio: 'ignore' });
    };
    make('');
    make('other-');
    const read = (name: string) => readFileSync(join(folder, name));
    const server = createSecureServer(
      { key: read('key.pem'), cert: read('cert.pem'), ca: read('cert.pem'), requestCert: true },
      (request, response) => {
        assert.equal((request.socket as { authorized?: boolean }).authorized, true);
        response.end(JSON.stringify({ ApiVersion: '1.97' }));
      },
    ).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const host of ['127.0.0.1', 'localhost']) {
      const address = parseAddress(`tcp://${host}:${port}`, { folder, verify: true });
      await assert.rejects(versionOf(address), { message: /certificates .* are missing/ });
      writeFileSync(join(folder, 'ca.pem'), read('other-cert.pem'));
      await assert.rejects(versionOf(address), { message: /certificate .* is not trusted/ });
      writeFileSync(join(folder, 'ca.pem'), read('cert.pem'));
      assert.equal(await versionOf(address), '1.97');
      rmSync(join(folder, 'ca.pem'));
    }
  });

  it('go over ssh', async function () {
    const engine = await sharedDockerd();
    if (engine.kind !== 'running') {
      console.log(`not run: ${engine.why}`);
      return this.skip();
    }
    farIs(engine.socket);
    const address = parseAddress('ssh://me@far:2222');
    assert.equal(await versionOf(address), await versionOf({ kind: 'unix', path: engine.socket }));
    const far = engineAt(address);
    await assert.rejects(
      far.call('describe a container', each => each.getContainer('no-such').inspect()),
      (error: unknown) => error instanceof EngineRefusal && error.status === 404,
    );
    writeFileSync(
      join(folder, 'bin', 'ssh'),
      '#!/bin/sh\necho "Host key verification failed." >&2; exit 255\n',
    );
    await assert.rejects(versionOf(address), {
      code: 'backend-missing',
      message: /ssh:\/\/me@far:2222: Host key verification failed/,
    });
  });

  it('end when the engine ends in the middle of an answer', async () => {
    const address = await overUnix((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"ApiVersion":', () => response.destroy());
    });
    await assert.rejects(versionOf(address), { code: 'backend-missing', message: /broke off/ });
  });

  it('end when they are given up, before an answer and during one', async () => {
    for (const begin of [false, true]) {
      const asked = Promise.withResolvers<void>();
      const address = await overUnix((_request, response) => {
        if (begin) response.write('{');
        asked.resolve();
      });
      const stop = new AbortController();
      const call = versionOf(address, stop.signal);
      await asked.promise;
      stop.abort(new Error('enough'));
      await assert.rejects(call, { message: 'enough' });
      await assert.rejects(versionOf(address, stop.signal), { message: 'enough' });
      servers.pop()?.closeAllConnections();
      rmSync(join(folder, 's'), { force: true });
    }
  });

  it('say what was refused in the words of the engine, or of what stands before it', async () => {
    for (const [status, body, said] of [
      [409, '{"message":"in use - really"}', 'in use - really'],
      [502, 'no engine here', 'no engine here'],
      [500, '', ''],
    ] as const) {
      const address = await overUnix((_request, response) => response.writeHead(status).end(body));
      const engine = engineAt(address);
      const requests = [
        engine.call('describe it', each => each.version()),
        engine.call('fetch it', each => each.pull('x:1')),
      ];
      for (const request of requests) {
        await assert.rejects(request, (error: unknown) => {
          assert.ok(error instanceof EngineRefusal);
          assert.deepEqual([error.status, error.said], [status, said]);
          return true;
        });
      }
      servers.pop()?.closeAllConnections();
      rmSync(join(folder, 's'), { force: true });
    }
  });

  for (const kind of ['unix', 'ssh'] as const)
    it(`hand over a connection over ${kind} whose reader may be slow and whose writer may end first`, async function () {
      if (kind === 'ssh' && whyNoDockerd() !== undefined) {
        console.log(`not run: ${whyNoDockerd()}`);
        return this.skip();
      }
      const frame = (text: string): Buffer => {
        const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
        head.writeUInt32BE(text.length, 4);
        return Buffer.concat([head, Buffer.from(text)]);
      };
      const piece = 'x'.repeat(1 << 16);
      const near = await overUnix((request, response) => {
        // The docker command asks this of its own accord.
        assert.match(request.url ?? '', /_ping$/);
        response.end('OK');
      });
      if (kind === 'ssh') farIs(join(folder, 's'));
      const address = kind === 'ssh' ? parseAddress('ssh://far') : near;
      const got: Buffer[] = [];
      let waiting = 0;
      servers[0]?.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
        for (let count = 0; count < 64; count += 1) if (!socket.write(frame(piece))) waiting += 1;
        socket.on('data', (chunk: Buffer) => got.push(chunk));
        socket.on('end', () => socket.end(frame('after the end')));
      });
      const options = { hijack: true, stream: true, stdin: true, stdout: true };
      const connection = await engineAt(address).hijack(
        'attach',
        each => each.getContainer('c').attach(options),
        new AbortController().signal,
      );
      const stream = unframed(connection, () => assert.fail('nothing was said'));
      stream.end('all of it');
      let bytes = 0;
      let tail = '';
      for await (const chunk of stream) {
        bytes += (chunk as Buffer).length;
        tail = (tail + String(chunk)).slice(-13);
      }
      assert.ok(waiting > 0);
      assert.equal(bytes, 64 * piece.length + 13);
      assert.equal(tail, 'after the end');
      assert.ok(Buffer.concat(got).toString().endsWith('all of it'));
    });
});
