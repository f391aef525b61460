// JSON-RPC between two ends of a real socket: results, errors with their codes, cancellation, and sudden ends.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { SandboxError } from '../../server/core/errors.ts';
import { connect, listen } from '../../server/platform/sockets.ts';
import { connectRpc, type RpcClient } from '../../server/rpc/connect.ts';
import { serveRpc } from '../../server/rpc/serve.ts';

const contract = {
  'test/double': { about: '', params: z.object({ n: z.int() }), result: z.object({ n: z.int() }) },
  'test/fail': { about: '', params: z.object({}), result: z.object({}) },
  'test/break': { about: '', params: z.object({}), result: z.object({}) },
  'test/wait': { about: '', params: z.object({}), result: z.object({}) },
  'test/wrong': { about: '', params: z.object({}), result: z.object({ n: z.int() }) },
};

describe('JSON-RPC over a socket', () => {
  let folder: string;
  let server: Server;
  let accepted: Socket | undefined;
  let client: RpcClient<typeof contract>;
  let cancelled: Promise<void>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hvr-'));
    const waiting = Promise.withResolvers<void>();
    cancelled = waiting.promise;
    server = await listen(join(folder, 's'), socket => {
      accepted = socket;
      void serveRpc(socket, contract, {
        'test/double': async ({ n }) => ({ n: n * 2 }),
        'test/fail': async () => {
          throw new SandboxError('name-taken', 'no', { hint: 'another', data: { id: 1 } });
        },
        'test/break': async () => {
          throw new Error('a defect');
        },
        'test/wait': (_params, { signal }) =>
          new Promise((_resolve, reject) => {
            const end = () => {
              waiting.resolve();
              reject(signal.reason);
            };
            if (signal.aborted) end();
            else signal.addEventListener('abort', end);
          }),
        'test/wrong': async () => ({ n: 0.5 }),
      });
    });
    const gone = () => new SandboxError('owner-unreachable', 'gone');
    client = connectRpc(await connect(join(folder, 's')), contract, gone);
  });
  afterEach(() => {
    client.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers', async () => {
    assert.deepEqual(await client.call('test/double', { n: 21 }), { n: 42 });
  });

  it('carries a failure with its code, hint and data', async () => {
    await assert.rejects(client.call('test/fail', {}), {
      code: 'name-taken',
      hint: 'another',
      data: { id: 1 },
    });
  });

  it('tells a defect from a failure', async () => {
    await assert.rejects(client.call('test/break', {}), { code: 'internal', message: 'a defect' });
  });

  it('refuses parameters that do not fit, and goes on', async () => {
    await assert.rejects(client.call('test/double', { n: 0.5 }), {
      code: 'usage',
      message: /test\/double.*n/,
    });
    assert.deepEqual(await client.call('test/double', { n: 1 }), { n: 2 });
  });

  it('does not trust an answer either', async () => {
    await assert.rejects(client.call('test/wrong', {}), { code: 'version-mismatch' });
  });

  it('cancels at the other end', async () => {
    const controller = new AbortController();
    const asked = client.call('test/wait', {}, { signal: controller.signal });
    controller.abort();
    await assert.rejects(asked, { code: 'cancelled' });
    await cancelled;
  });

  it('hears the last words of a peer that ends with them', async () => {
    const socket = join(folder, 'last');
    const ending = await listen(socket, peer => {
      peer.once('data', () => {
        const answer = JSON.stringify({ jsonrpc: '2.0', id: 0, result: { n: 2 } });
        peer.end(`Content-Length: ${answer.length}\r\n\r\n${answer}`);
      });
    });
    try {
      const gone = () => new SandboxError('owner-unreachable', 'gone');
      const rpc = connectRpc(await connect(socket), contract, gone);
      assert.deepEqual(await rpc.call('test/double', { n: 1 }), { n: 2 });
      await rpc.closed;
      await assert.rejects(rpc.call('test/double', { n: 1 }));
    } finally {
      ending.close();
    }
  });

  it('ends every call when the peer goes away', async () => {
    const asked = client.call('test/wait', {});
    await client.call('test/double', { n: 1 });
    accepted?.destroy();
    await assert.rejects(asked, { code: 'owner-unreachable' });
    await client.closed;
  });
});
