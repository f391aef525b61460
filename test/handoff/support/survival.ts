// What an editor's connection goes through while its window stays open.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Heyvm, type Opened, openBranch } from '../../../scripts/lib/openBranch.ts';
import { dist } from '../../../scripts/lib/places.ts';
import { eventually } from '../../support/eventually.ts';
import { type Connection, pageOf } from './remoteClient.ts';

export type Scene = {
  readonly opened: Opened;
  readonly heyvm: Heyvm;
  readonly env: NodeJS.ProcessEnv;
  /** To the sandbox that stays awake. */
  readonly connections: readonly Connection[];
  /** Another window. */
  readonly open: (of?: Opened) => Promise<Connection>;
};

const SLEEP_SECONDS = 60;

export type Guest = 'goes with its owner' | 'outlives its owner';

export type Sleeper = {
  readonly opened: Opened;
  readonly connection: Connection;
  readonly asleep: ChildProcess;
};

/** A sandbox of its own that stands still while other cases run: its owner and everything below it. */
export async function fallAsleep(scene: Scene): Promise<Sleeper> {
  const opened = await openBranch(scene.heyvm, 'sleepy');
  const connection = await scene.open(opened);
  const pids = treeBelow((await ownerOf(scene, opened)).pid).join(' ');
  const script = `kill -STOP ${pids}; sleep ${SLEEP_SECONDS}; kill -CONT ${pids}`;
  return { opened, connection, asleep: spawn('sh', ['-c', script], { stdio: 'ignore' }) };
}

export async function wakeAndRemove(
  { heyvm }: Scene,
  { opened, connection, asleep }: Sleeper,
): Promise<void> {
  await over(asleep);
  await connection.close();
  await heyvm('rm', '--force', '--yes', opened.sandbox.id);
}

export function survivalCases(
  guest: Guest,
  scene: () => Scene & { readonly sleeper: Sleeper | undefined },
): void {
  describe('while a window is open', () => {
    const latest = (): Connection => {
      const connection = scene().connections.at(-1);
      assert.ok(connection);
      return connection;
    };

    it('the helper is killed, and no connection notices', async () => {
      const connection = await scene().open();
      const helper = spawn(process.execPath, [join(dist, 'helper.cjs'), '--stdio'], { env: scene().env });
      await askToInitialize(helper);
      const ended = new Promise(resolve => helper.once('exit', resolve));
      helper.kill('SIGKILL');
      await ended;
      assert.match(await pageOf(connection, '/version'), /^[0-9a-f]{40}$/);
    });

    it('every connection is lost, and the next one finds the same server', async () => {
      const old = latest();
      for (const connection of scene().connections) await connection.close();
      const { said } = await scene().open();
      assert.equal(said.get('serverStart'), 'reused');
      assert.equal(said.get('listeningOn'), old.said.get('listeningOn'));
    });

    it(`the owner is killed, and the next connection finds ${guest === 'outlives its owner' ? 'the same server' : 'a sandbox that runs again'}`, async () => {
      const old = latest();
      process.kill((await ownerOf(scene(), scene().opened)).pid, 'SIGKILL');
      await old.ended;
      const { said, told } = await scene().open();
      assert.equal(said.get('serverStart'), guest === 'outlives its owner' ? 'reused' : 'new', told());
      assert.match(await pageOf(latest(), '/version'), /^[0-9a-f]{40}$/);
    });

    it('the guest is restarted, and a connection that comes meanwhile waits for it', async () => {
      const { heyvm, open, opened } = scene();
      const old = latest();
      const restarted = heyvm('restart', opened.sandbox.id);
      await old.ended;
      const { said } = await open();
      assert.equal((await restarted).code, 0);
      assert.equal(said.get('serverStart'), 'new');
      assert.match(await pageOf(latest(), '/version'), /^[0-9a-f]{40}$/);
    });

    if (guest === 'goes with its owner') {
      it(`owner and guest stand still for ${SLEEP_SECONDS} seconds, and the connection is the same afterwards`, async () => {
        const { sleeper } = scene();
        assert.ok(sleeper);
        await over(sleeper.asleep);
        assert.match(await pageOf(sleeper.connection, '/version'), /^[0-9a-f]{40}$/);
        const { said } = await scene().open(sleeper.opened);
        assert.equal(said.get('serverStart'), 'reused');
      });

      it('a sandbox that was stopped on purpose stays stopped, and the client is told how to start it', async () => {
        const { heyvm, open, sleeper } = scene();
        assert.ok(sleeper);
        const { opened, connection } = sleeper;
        await heyvm('stop', opened.sandbox.id);
        await connection.ended;
        await assert.rejects(open(opened), /is not running \(stopped: .*\)\n *start it with: heyvm start/);
        assert.equal(
          JSON.parse((await heyvm('get', opened.sandbox.id, '--format', 'json')).stdout).status,
          'stopped',
        );
      });
    }
  });
}

async function ownerOf({ heyvm }: Scene, { sandbox }: Opened): Promise<{ pid: number }> {
  return await eventually(async () => {
    const { owner } = JSON.parse((await heyvm('get', sandbox.id, '--format', 'json')).stdout);
    return typeof owner?.pid === 'number' ? { pid: owner.pid } : undefined;
  });
}

/** A process and all that descend from it, oldest first. */
function treeBelow(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter(entry => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(join('/proc', name, 'stat'), 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

async function askToInitialize(helper: ChildProcess): Promise<void> {
  const params = { processId: process.pid, rootUri: null, capabilities: {} };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
  const answered = new Promise<void>((resolve, reject) => {
    helper.stdout?.once('data', () => resolve());
    helper.once('exit', code => reject(new Error(`the helper ended with ${code}`)));
  });
  helper.stdin?.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  await answered;
}

async function over(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise(resolve => child.once('exit', resolve));
}
