// Owners, containers and the engine itself are killed at random moments, and the machine restarts: the truth is told after.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, type Dockerd, startDockerd, whyNoDockerd } from '../../scripts/lib/daemons/dockerd.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { readIds } from '../../server/store/sandboxes.ts';
import { type Engine, kill, processesOf, skipBecause } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { afterBoot, needCommandLine, startCommand } from './support/commands.ts';
import { assertTruth, declareStorm, type Field, newStore, plantTree } from './support/storm.ts';

describe('containers, when things are killed', function () {
  this.timeout(300_000);
  let daemon: Dockerd | undefined;
  let engine: Engine | undefined;
  let field: Field;

  before(async function () {
    needCommandLine.call(this);
    skipBecause(this, whyNoDockerd());
    daemon = await startDockerd({ folder: mkdtempSync(join(tmpdir(), 'hvs-')) });
    engine = await newStore('docker', { connect: `unix://${daemon.socket}` });
    field = fieldOf(engine, daemon);
    plantTree(field.workspace);
  });

  after(async () => {
    try {
      await engine?.dispose();
      if (daemon !== undefined) assert.deepEqual(await remains(daemon.socket), []);
    } finally {
      await daemon?.end();
    }
  });

  declareStorm({
    field: () => field,
    victims: ['the command line', 'the owner', 'the container', 'the engine'],
    moments: 4,
    lasting: { create: 1_500, exec: 400, stop: 500, rm: 700 },
  });

  it('an engine that is away is told of, and everything goes on when it is back', async () => {
    const { sandbox } = await field.engine.call('sandbox/create', { spec: { name: 'patient' } });
    await daemon?.kill();
    const { sandboxes } = await field.engine.call('sandbox/list', {});
    assert.equal(sandboxes.filter(({ id }) => id === sandbox.id).length, 1);
    await daemon?.start();
    await eventually(
      async () => {
        const { status } = await field.engine.get(sandbox.id);
        if (status !== 'running') await field.engine.call('sandbox/start', { sandbox: sandbox.id });
        return (await field.engine.exec(sandbox.id, 'echo', 'back')).out === 'back\n';
      },
      { withinMs: 60_000, everyMs: 200 },
    );
    const things = (await field.things()).filter(thing => thing.sandbox === sandbox.id);
    assert.equal(things.length, 1, 'it was started twice');
    await field.engine.call('sandbox/remove', { sandbox: sandbox.id, force: true });
  });

  it('a throwaway takes its container with it, whether its client ends or is killed', async () => {
    const { home, paths } = field.engine;
    // The storm may leave a sandbox that is stopped.
    const [others, records] = [await field.things(), readIds(paths).length];
    const done = await startCommand(home, 'run', '--', 'sh', '-c', 'echo out; exit 3').ended;
    assert.deepEqual([done.code, done.stdout], [3, 'out\n'], done.stderr);
    assert.deepEqual(await field.things(), others);
    const { child, ended } = startCommand(home, 'run', '--', 'sh', '-c', 'echo ready; sleep 1000');
    await once(child.stdout ?? assert.fail('no output'), 'data');
    assert.equal((await field.things()).length, others.length + 1);
    child.kill('SIGKILL');
    await ended;
    await eventually(async () => (await field.things()).length === others.length, {
      what: 'the end of the container',
    });
    await eventually(() => readIds(paths).length === records, { what: 'the end of its folder' });
  });

  it('after a restart of the machine nothing is said to run that does not, and it can be started', async () => {
    const { sandbox } = await field.engine.call('sandbox/create', { spec: { name: 'restarted' } });
    for (const { pid } of processesOf(field.engine.paths)) kill(pid);
    await daemon?.kill();
    for (const { pid } of processesOf(field.engine.paths)) kill(pid);
    await daemon?.start();
    // Whether its container lives on can only be known once the engine has been asked.
    await eventually(
      async () => {
        const list = await afterBoot(field.engine.home, 'list', '--format', 'json');
        const told = (JSON.parse(list) as SandboxInfo[]).find(({ id }) => id === sandbox.id);
        assert.notEqual(told?.status, 'running');
        return ['stopped', 'failed'].includes(told?.status ?? 'nothing');
      },
      { everyMs: 200, what: 'the news that it does not run' },
    );
    await afterBoot(field.engine.home, 'start', 'restarted');
    assert.equal(await afterBoot(field.engine.home, 'exec', 'restarted', '--', 'echo', 'again'), 'again\n');
    await afterBoot(field.engine.home, 'rm', 'restarted', '--force', '--yes');
    await assertTruth(field);
  });
});

function fieldOf(engine: Engine, daemon: Dockerd): Field {
  return {
    engine,
    workspace: join(engine.home, '..', 'tree'),
    victims: {
      'the owner': () => {
        for (const { pid } of processesOf(engine.paths).filter(({ command }) =>
          command.includes('__sandbox_owner'),
        ))
          kill(pid);
      },
      'the container': async sandbox => {
        const { body } = await ask(daemon.socket, 'GET', '/containers/json?all=1');
        for (const { Id, Labels } of JSON.parse(body) as { Id: string; Labels: Record<string, string> }[])
          if (Labels['heyvm.sandbox'] === sandbox?.id)
            await ask(daemon.socket, 'POST', `/containers/${Id}/kill`);
      },
      'the engine': () => daemon.kill(),
    },
    heal: async () => {
      if (daemon.pid() === undefined) await daemon.start();
    },
    things: () => containers(daemon.socket),
  };
}

async function containers(socket: string): Promise<{ what: string; sandbox: string }[]> {
  const { body } = await ask(socket, 'GET', '/containers/json?all=1');
  return (JSON.parse(body) as { Names: string[]; Labels: Record<string, string> }[]).map(
    ({ Names, Labels }) => ({
      what: Names.join(' '),
      sandbox: Labels['heyvm.sandbox'] ?? 'nobody',
    }),
  );
}

/** Containers, volumes and networks; images are kept for the next sandbox. */
async function remains(socket: string): Promise<string[]> {
  const volumes = JSON.parse((await ask(socket, 'GET', '/volumes')).body) as {
    Volumes: { Name: string }[] | null;
  };
  const networks = JSON.parse((await ask(socket, 'GET', '/networks')).body) as { Name: string }[];
  return [
    ...(await containers(socket)).map(({ what }) => what),
    ...(volumes.Volumes ?? []).map(({ Name }) => Name),
    ...networks.map(({ Name }) => Name).filter(name => !['bridge', 'host', 'none'].includes(name)),
  ];
}
