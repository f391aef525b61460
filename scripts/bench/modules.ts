// Modules of WebAssembly through heyvm beside a script that runs the same runtime with the same module.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectOwner } from '../../server/owner/connect.ts';
import { createService } from '../../server/service/service.ts';
import { type Paths, pathsOf } from '../../server/store/paths.ts';
import { findEntry } from '../../server/store/sandboxes.ts';
import { dist, root } from '../lib/places.ts';
import { ensureBox } from '../lib/wasmBox.ts';
import { type Figure, race, timeOf } from './measure.ts';

const MANY = 100;
const AT_ONCE = 4;

/** What a person would write who has @wasmer/sdk. */
const byHand = `
import { readFileSync } from 'node:fs';
import { Wasmer } from '${join(root, 'node_modules/@wasmer/sdk/dist/node.js')}';
const wasmer = new Wasmer({ cache: false });
const pkg = await wasmer.packages.load(readFileSync(process.argv[2]));
const sandbox = await wasmer.sandboxes.create({ packages: [pkg] });
const { stdout } = await sandbox.command(pkg, ['echo', 'hello']).run();
if (stdout.text() !== 'hello\\n') process.exit(1);
await sandbox.close();
await wasmer.close();
`;

type Place = { readonly env: NodeJS.ProcessEnv; readonly paths: Paths; readonly module: string };

export async function moduleFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hvm-'));
  // A program is called as its file is.
  const module = join(folder, 'box.wasm');
  copyFileSync(await ensureBox(), module);
  const env = { ...process.env, HEYO_HOME: join(folder, 'h'), HEYVM_NODE: process.execPath };
  const paths = pathsOf(env);
  mkdirSync(paths.home, { mode: 0o700 });
  writeFileSync(paths.settings, JSON.stringify({ backend_type: 'wasix' }));
  const place = { env, paths, module };
  try {
    const script = [process.execPath, join(folder, 'byHand.mjs'), module];
    writeFileSync(join(folder, 'byHand.mjs'), byHand);
    const command = [join(dist, 'heyvm'), 'run', '--image', module, '--', 'box', 'echo', 'hello'];
    const { run, service, theirs } = await race(
      {
        run: () => timeOf(command, env, folder),
        service: () => throwaway(place),
        theirs: () => timeOf(script, env, folder),
      },
      9,
    );
    const beside = `node with @wasmer/sdk: ${theirs.toFixed(0)} ms`;
    return [
      {
        name: 'wasix: start, hello and stop in one process',
        value: service / theirs,
        unit: 'x',
        beside,
        goal: '<= 1.3',
      },
      { name: 'wasix: heyvm run', value: run / theirs, unit: 'x', beside, goal: '' },
      await manyFigure(place),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(paths.run, { recursive: true, force: true });
  }
}

async function manyFigure(place: Place): Promise<Figure> {
  const begun = performance.now();
  let left = MANY;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await throwaway(place);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const value = (performance.now() - begun) / 1000;
  return { name: `wasix: ${MANY} sandboxes`, value, unit: 's', beside: `${AT_ONCE} at once`, goal: '<= 60' };
}

/** As the helper does it, without starting a program for each call. */
async function throwaway({ env, paths, module }: Place): Promise<number> {
  const { call } = createService({ paths, env });
  const begun = performance.now();
  const { sandbox } = await call('sandbox/create', { spec: { image: module } });
  const { guest } = connectOwner(await findEntry(paths, sandbox.id));
  const child = await guest.exec({ argv: ['box', 'echo', 'hello'] });
  child.stdout.resume();
  child.stderr.resume();
  await child.exited;
  await call('sandbox/remove', { sandbox: sandbox.id, force: true });
  return performance.now() - begun;
}
