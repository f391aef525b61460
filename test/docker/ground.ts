// An engine and benches for tests of containers; where no engine can be started the suite says so and is not run.
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { docker } from '../../server/backends/docker/index.ts';
import { type Bench, makeBench } from '../contract/bench.ts';
import { groundOf } from '../support/grounds.ts';

export type Call = { readonly status: number; readonly body: string };

export type Ground = {
  bench(): Promise<Bench>;
  /** The engine's own word, past everything that is tested. */
  ask(method: string, path: string): Promise<Call>;
};

/** Declares hooks: what a test made is gone after it. */
export function withEngine(): () => Ground {
  const benches: Bench[] = [];
  let ground: Ground | undefined;

  before(async function () {
    const found = await groundOf(docker);
    if (found.kind === 'not run') {
      console.log(`not run: containers: ${found.why}`);
      return this.skip();
    }
    const socket = String(found.settings['connect']).replace('unix://', '');
    ground = {
      async bench() {
        const bench = await makeBench(docker);
        benches.push(bench);
        return bench;
      },
      ask: (method, path) => ask(socket, method, path),
    };
  });

  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.dispose();
  });

  return () => ground!;
}

export async function ask(socket: string, method: string, path: string, body?: unknown): Promise<Call> {
  const headers = { host: 'engine', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const asked = request({ socketPath: socket, method, path, headers });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(asked, 'response');
  return { status: response.statusCode ?? 0, body: await text(response) };
}
