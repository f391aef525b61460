// The command line against an empty program and against bare bubblewrap.
import { join } from 'node:path';
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

export async function throwawayFigure(stage: Stage): Promise<Figure> {
  const heyvm = (...args: string[]) => timeOf([join(dist, 'heyvm'), ...args], stage.env);
  let count = 0;
  const { bwrap, heyvm: ours } = await race(
    {
      bwrap: () => timeOf(plain, stage.env),
      heyvm: async () => {
        count += 1;
        const name = `throwaway-${count}`;
        const created = await heyvm('create', '--name', name);
        const ran = await heyvm('exec', name, '--', 'true');
        return created + ran + (await heyvm('rm', '--force', '--yes', name));
      },
    },
    11,
  );
  return {
    name: 'create + first exec + rm, more than bwrap alone',
    value: ours - bwrap,
    unit: 'ms',
    beside: `bwrap … true: ${bwrap.toFixed(1)} ms`,
    goal: '<= 200',
  };
}
