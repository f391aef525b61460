// Keeps the daemons of one test run: starts each when it is first asked for, and ends all when its parent does.
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { cache } from '../places.ts';
import type { Kept } from './daemons.ts';
import { ask, type Dockerd, startDockerd, whyNoDockerd } from './dockerd.ts';

const [folder = ''] = process.argv.slice(2);
const daemons: Dockerd[] = [];
const answers = new Map<string, Promise<Kept>>();

const starters: Readonly<Record<string, () => Promise<Kept>>> = { '/docker': keepDockerd };

const server = createServer((request, response) => {
  const name = request.url ?? '';
  const starter = starters[name];
  if (starter === undefined) {
    response.writeHead(404).end();
    return;
  }
  const answer =
    answers.get(name) ?? starter().catch((error): Kept => ({ kind: 'not run', why: String(error) }));
  answers.set(name, answer);
  void answer.then(kept => response.end(JSON.stringify(kept)));
});
server.listen(join(folder, 'keeper.sock'), () => process.stdout.write('ready\n'));

// Whoever started this holds the other end, also when it is killed.
process.stdin.resume();
process.stdin.on('end', () => void end());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());

async function keepDockerd(): Promise<Kept> {
  const why = whyNoDockerd();
  if (why !== undefined) return { kind: 'not run', why };
  const daemon = await startDockerd({ folder: join(folder, 'd'), keep: join(cache, 'dockerd') });
  daemons.push(daemon);
  await removeLeftovers(daemon.socket);
  return { kind: 'running', socket: daemon.socket };
}

/** What an earlier run that was killed left in the folder that is kept; images may stay. */
async function removeLeftovers(socket: string): Promise<void> {
  const { body } = await ask(socket, 'GET', '/containers/json?all=1');
  for (const { Id } of JSON.parse(body) as { Id: string }[])
    await ask(socket, 'DELETE', `/containers/${Id}?force=1&v=1`);
  for (const kind of ['volumes', 'networks']) await ask(socket, 'POST', `/${kind}/prune`);
  const { body: usage } = await ask(socket, 'GET', '/system/df');
  const { LayersSize } = JSON.parse(usage) as { LayersSize: number };
  if (LayersSize > 4 * 1024 ** 3) await ask(socket, 'POST', '/images/prune?filters={"dangling":["false"]}');
}

let ending: Promise<void> | undefined;

async function end(): Promise<void> {
  ending ??= (async () => {
    server.close();
    await Promise.allSettled(answers.values());
    for (const daemon of daemons) await daemon.end();
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  })();
  await ending;
}
