// A guest is there when it answers and its engine has said that it runs, whichever comes last.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runIn, succeeded } from '../contract/bench.ts';
import { withEngine } from './ground.ts';

describe('a container that starts', function () {
  this.timeout(120_000);
  const ground = withEngine();
  const ways: { close(): void }[] = [];

  // What a test made is removed over its way.
  after(() => {
    for (const way of ways) way.close();
  });

  it('is none before the engine has said so, which would forget it if it were killed', async () => {
    const { start, context } = await ground().bench();
    const way = await wayTo(String((context.options as { connect?: string }).connect).replace('unix://', ''));
    ways.push(way);
    const { guest } = await start({ options: { connect: `unix://${way.socket}` } });
    assert.equal(way.told(), true);
    assert.deepEqual((await runIn(guest, ['true'])).status, succeeded);
  });
});

/** A way to an engine on which the news of a start comes long after the guest's first words. */
async function wayTo(engine: string) {
  const folder = mkdtempSync(join(tmpdir(), 'hvw-'));
  const socket = join(folder, 's');
  const spoken = Promise.withResolvers<void>();
  let told = false;
  const server = createServer({ allowHalfOpen: true }, client => {
    const inside = createConnection({ path: engine, allowHalfOpen: true });
    for (const end of [client, inside]) end.on('error', () => end.destroy());
    client.once('data', first => {
      const [line = ''] = first.toString('latin1').split('\r\n');
      inside.write(first);
      client.pipe(inside);
      if (/^POST .*\/start/.test(line)) {
        inside.once('data', async answer => {
          await spoken.promise;
          // Far longer than what is left to do once a guest speaks.
          await new Promise(resolve => setTimeout(resolve, 500));
          told = true;
          client.write(answer);
          inside.pipe(client);
        });
        return;
      }
      // Behind the engine's own answer, what comes over an attached stream is the guest's.
      if (/\/attach/.test(line)) inside.once('data', () => inside.once('data', () => spoken.resolve()));
      inside.pipe(client);
    });
  });
  await new Promise<void>(resolve => server.listen(socket, resolve));
  return {
    socket,
    told: () => told,
    close: () => {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
