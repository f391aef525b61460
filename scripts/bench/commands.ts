// The command line against an empty program and against bare bubblewrap.
import { join } from 'node:path';
import { connectOwner } from '../../server/owner/connect.ts';
import { createService } from '../../server/service/service.ts';
import { findEntry } from '../../server/store/sandboxes.ts';
import { dist } from '../lib/places.ts';
import { type Figure, race, timeOf } from './measure.ts';
import { addStopped, type Stage } from './stage.ts';

const ROUNDS = 21;
const SANDBOXES = 200;

export async function commandFigures(stage: Stage): Promise<Figure[]> {
  await addStopped(stage, SANDBOXES - 1);
  const heyvm = (...args: string[]) => timeOf([join(dist, 'heyvm'), ...args], stage.env);
  const { node, list, get, exec } = await race(
    {
      node: () => timeOf([process.execPath, '-e', '0'], stage.env),
      list: () => heyvm('list', '--format', 'json'),
      get: () => heyvm('get', stage.running.id, '--format', 'json'),
      exec: () => heyvm('exec', stage.running.id, '--', 'true'),
    },
    ROUNDS,
  );
  const beside = `node -e 0: ${node.toFixed(1)} ms`;
  return [
    { name: `heyvm list, ${SANDBOXES} sandboxes`, value: list / node, unit: 'x', beside, goal: '<= 2.0' },
    { name: `heyvm get, ${SANDBOXES} sandboxes`, value: get / node, unit: 'x', beside, goal: '<= 2.0' },
    { name: 'heyvm exec, running sandbox', value: exec / node, unit: 'x', beside, goal: '<= 2.5' },
  ];
}

/** What a person would do with bubblewrap alone, with the same namespaces. */
const plain = [
  ...['bwrap', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib'],
  ...[
    '--symlink',
    'usr/lib64',
    '/lib64',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/tmp',
    '--unshare-all',
  ],
  ...['--die-with-parent', '--new-session', '--', 'true'],
];

export async function throwawayFigures(stage: Stage): Promise<Figure[]> {
  const { bwrap, run, commands, service } = await race(
    {
      bwrap: () => timeOf(plain, stage.env),
      run: () => timeOf([join(dist, 'heyvm'), 'run', '--', 'true'], stage.env),
      commands: () => throughCommands(stage),
      service: () => throughService(stage),
    },
    11,
  );
  const figure = { unit: 'ms', beside: `bwrap … true: ${bwrap.toFixed(1)} ms`, goal: '<= 200' } as const;
  return [
    { ...figure, name: 'heyvm run, more than bwrap', value: run - bwrap },
    { ...figure, name: 'create + exec + rm in one process, more than bwrap', value: service - bwrap },
    { ...figure, name: 'create + exec + rm as three commands, more than bwrap', value: commands - bwrap },
  ];
}

let count = 0;

async function throughCommands(stage: Stage): Promise<number> {
  const heyvm = (...args: string[]) => timeOf([join(dist, 'heyvm'), ...args], stage.env);
  count += 1;
  const name = `throwaway-${count}`;
  const created = await heyvm('create', '--name', name);
  const ran = await heyvm('exec', name, '--', 'true');
  return created + ran + (await heyvm('rm', '--force', '--yes', name));
}

/** As the helper does it, and whatever else calls the service without starting a program for each call. */
async function throughService({ env, paths }: Stage): Promise<number> {
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
