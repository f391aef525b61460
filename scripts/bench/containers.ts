// Containers through heyvm beside the docker command, with the same engine, image and work.

import { connectOwner } from '../../server/owner/connect.ts';
import { createService } from '../../server/service/service.ts';
import { findEntry } from '../../server/store/sandboxes.ts';
import { command, which } from '../lib/command.ts';
import { sharedDockerd } from '../lib/daemons/daemons.ts';
import { Stop } from '../lib/say.ts';
import { type Figure, race, timeOf } from './measure.ts';
import { openStore, type Store } from './store.ts';

export async function containerFigures(): Promise<Figure[]> {
  const engine = await sharedDockerd();
  if (engine.kind === 'not run') throw new Stop(engine.why);
  if (which('docker') === undefined) throw new Stop('there is no docker command to compare with');
  const address = `unix://${engine.socket}`;
  const store = await openStore('docker', { connect: address });
  const docker = ['docker', '--host', address];
  try {
    await store.heyvm('create', '--name', 'kept');
    const image = (
      await command([...docker, 'inspect', '--format', '{{.Image}}', await containerOf(docker)])
    ).trim();
    await command([
      ...docker,
      'run',
      '--detach',
      '--name',
      'bench',
      '--network',
      'none',
      image,
      'sleep',
      '100000',
    ]);
    const figures = [
      await execFigure(store, docker),
      ...(await throwawayFigures(store, [...docker, 'run', '--rm', '--network', 'none', image, 'true'])),
    ];
    await command([...docker, 'rm', '--force', 'bench']);
    await store.heyvm('rm', '--force', '--yes', 'kept');
    return figures;
  } finally {
    await store.end();
  }
}

async function containerOf(docker: readonly string[]): Promise<string> {
  const [first = ''] = (await command([...docker, 'ps', '--quiet', '--filter', 'label=heyvm.sandbox'])).split(
    '\n',
  );
  return first;
}

async function execFigure(store: Store, docker: readonly string[]): Promise<Figure> {
  const { ours, theirs } = await race(
    {
      ours: () => store.heyvm('exec', 'kept', '--', 'true'),
      theirs: () => timeOf([...docker, 'exec', 'bench', 'true'], store.env),
    },
    15,
  );
  const beside = `docker exec: ${theirs.toFixed(0)} ms`;
  return { name: 'docker: heyvm exec', value: ours / theirs, unit: 'x', beside, goal: '<= 1.3' };
}

async function throwawayFigures(store: Store, plain: readonly string[]): Promise<Figure[]> {
  let count = 0;
  const { run, service, commands, theirs } = await race(
    {
      run: () => store.heyvm('run', '--', 'true'),
      service: () => throughService(store),
      commands: async () => {
        count += 1;
        const name = `throwaway-${count}`;
        const made = await store.heyvm('create', '--name', name);
        const ran = await store.heyvm('exec', name, '--', 'true');
        return made + ran + (await store.heyvm('rm', '--force', '--yes', name));
      },
      theirs: () => timeOf(plain, store.env),
    },
    7,
  );
  const same = { unit: 'x', beside: `docker run --rm: ${theirs.toFixed(0)} ms`, goal: '<= 1.2' } as const;
  return [
    { ...same, name: 'docker: heyvm run', value: run / theirs },
    { ...same, name: 'docker: create + exec + rm in one process', value: service / theirs },
    { ...same, name: 'docker: create + exec + rm as three commands', value: commands / theirs },
  ];
}

async function throughService({ env, paths }: Store): Promise<number> {
  const { call } = createService({ paths, env });
  const begun = performance.now();
  const { sandbox } = await call('sandbox/create', { spec: {} });
  const { guest } = connectOwner(await findEntry(paths, sandbox.id));
  const child = await guest.exec({ argv: ['/bin/true'] });
  child.stdout.resume();
  child.stderr.resume();
  await child.exited;
  await call('sandbox/remove', { sandbox: sandbox.id, force: true });
  return performance.now() - begun;
}
