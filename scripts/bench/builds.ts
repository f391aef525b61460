// Building an image from a tree of 300 MB, beside docker build and docker export of the same.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../lib/command.ts';
import { sharedDockerd } from '../lib/daemons/daemons.ts';
import { Stop } from '../lib/say.ts';
import { type Figure, race } from './measure.ts';
import { openStore } from './store.ts';

const FILES = 3_000;
const FILE_BYTES = 100 * 1024;

export async function buildFigures(): Promise<Figure[]> {
  const engine = await sharedDockerd();
  if (engine.kind === 'not run') throw new Stop(engine.why);
  const address = `unix://${engine.socket}`;
  process.env['DOCKER_HOST'] = address;
  const store = await openStore('docker', { connect: address });
  const context = join(store.folder, 'context');
  writeTree(context);
  let changes = 0;
  /** Another file, so that no cache of anybody knows the tree. */
  const change = () => {
    changes += 1;
    writeFileSync(join(context, 'changed'), String(changes));
  };
  const build = () => store.heyvm('images', 'build', '--context', context, '--name', 'bench-build');
  const plain = async (): Promise<number> => {
    const begun = performance.now();
    const docker = ['docker', '--host', address];
    await command([...docker, 'build', '--quiet', '--tag', 'bench-build', context]);
    const id = (await command([...docker, 'create', 'bench-build', 'true'])).trim();
    await command([...docker, 'export', '--output', join(store.folder, 'export.tar'), id]);
    const took = performance.now() - begun;
    await command([...docker, 'rm', id]);
    return took;
  };
  try {
    const { first, theirs } = await race(
      {
        first: async () => {
          change();
          return await build();
        },
        theirs: async () => {
          change();
          return await plain();
        },
      },
      2,
      0,
    );
    change();
    await build();
    const { again } = await race({ again: build }, 7);
    const beside = `docker build + export: ${(theirs / 1_000).toFixed(1)} s`;
    return [
      { name: 'images build, unchanged', value: again, unit: 'ms', beside: '', goal: '<= 300' },
      { name: 'images build of 300 MB, first', value: first / theirs, unit: 'x', beside, goal: '<= 1.5' },
    ];
  } finally {
    await store.end();
  }
}

/** Bytes that do not compress, in as many files as a small system has. */
function writeTree(context: string): void {
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY . /\nCMD ["/bin/sh"]\n');
  for (let index = 0; index < FILES; index += 1) {
    const folder = join(context, 'tree', String(index % 100));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, String(index)), randomBytes(FILE_BYTES));
  }
}
