// Components that handle HTTP requests, through every door of a sandbox, from our JavaScript to the answer.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ensureServer } from '../../scripts/lib/wasmServer.ts';
import { findBackend } from '../../server/backends/registry.ts';
import type { Guest } from '../../server/core/guest.ts';
import type { ResolvedImage } from '../../server/core/image.ts';
import { type Bench, makeBench } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { moduleImage } from './support/moduleImage.ts';

type Answer = {
  readonly code: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
};

describe('a server of a sandbox', function () {
  this.timeout(600_000);
  let image: ResolvedImage;
  let bench: Bench;
  let guest: Guest;

  before(async function () {
    const path = await ensureServer().catch((error: Error) => error);
    if (typeof path === 'string') {
      image = await moduleImage(path, 'server');
      bench = await makeBench(findBackend('wasip2'));
      ({ guest } = await bench.start({ image }));
      return;
    }
    console.log(`not run: servers of WebAssembly: ${path.message}`);
    this.skip();
  });

  after(() => bench?.dispose());

  const get = (path: string, body?: string): Promise<Answer> => requestTo(guest, path, body);

  it('answers on its port, which is told, and on no other', async () => {
    assert.deepEqual(await guest.listeningPorts(), [{ port: 8080, address: '127.0.0.1' }]);
    const { code, body } = await get('/');
    assert.deepEqual([code, body], [200, 'hello\n']);
    await assert.rejects(guest.dial({ kind: 'tcp', host: 'localhost', port: 8081 }), {
      code: 'path-not-found',
    });
  });

  it('gets what is sent, and sends what is long', async () => {
    const { code, headers, body } = await get('/echo', 'some body é');
    assert.deepEqual([code, headers['x-method'], body], [201, 'POST', 'some body é']);
    assert.equal((await get('/large')).body.length, 1_000_000);
  });

  it('answers many at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => get('/')));
    assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['hello\n']));
  });

  it('keeps nothing of one request for the next', async () => {
    assert.deepEqual([(await get('/count')).body, (await get('/count')).body], ['1', '1']);
  });

  it('says what it does in the log', async () => {
    await get('/noted');
    await eventually(() => bench.log.includes('guest: asked for /noted'), { what: 'a line in the log' });
  });

  it('reaches nothing of this machine unless the network is open', async () => {
    const server = createServer((_, response) => response.end('inside'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const open = await makeBench(findBackend('wasip2'));
    try {
      assert.equal((await get(`/out/${port}`)).body, 'refused');
      const { guest: other } = await open.start({ image, network: 'open' });
      assert.equal((await requestTo(other, `/out/${port}`)).body, 'reached inside');
    } finally {
      await open.dispose();
      server.close();
    }
  });

  it('is served elsewhere when that is asked for', async () => {
    const other = await makeBench(findBackend('wasip2'));
    try {
      const { guest: moved } = await other.start({ image, options: { port: 3000 } });
      assert.deepEqual(await moved.listeningPorts(), [{ port: 3000, address: '127.0.0.1' }]);
      assert.equal((await requestTo(moved, '/', undefined, 3000)).code, 200);
    } finally {
      await other.dispose();
    }
  });

  it('comes back after it was ended by what it was asked', async () => {
    const other = await makeBench(findBackend('wasip2'));
    try {
      const { guest: small } = await other.start({ image, limits: { memory: 256 * 1024 * 1024 } });
      await requestTo(small, '/trap').catch(() => undefined);
      await eventually(
        () =>
          requestTo(small, '/').then(
            ({ code }) => code === 200,
            () => false,
          ),
        {
          what: 'an answer after the end',
        },
      );
    } finally {
      await other.dispose();
    }
  });

  it('is not run as a program, and says what to do', async () => {
    await assert.rejects(guest.exec({ argv: ['server'] }), {
      code: 'usage',
      message: /handles HTTP requests/,
    });
  });

  it('is not run by wasmtime, which would listen on this machine', async () => {
    const other = await makeBench(findBackend('wasip2'));
    try {
      await assert.rejects(other.start({ image, options: { runtime: 'wasmtime' } }), {
        code: 'policy-unenforceable',
      });
    } finally {
      await other.dispose();
    }
  });
});

async function requestTo(guest: Guest, path: string, body?: string, port = 8080): Promise<Answer> {
  const socket = await guest.dial({ kind: 'tcp', host: 'localhost', port });
  const method = body === undefined ? 'GET' : 'POST';
  const asked = ask({ createConnection: () => socket, path, method, host: 'localhost' });
  asked.end(body);
  const [response] = await once(asked, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return {
    code: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
