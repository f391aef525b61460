// A store of the measurements' own that makes every sandbox with one backend, from the image of the tests.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Paths, pathsOf } from '../../server/store/paths.ts';
import { ciImage, ensureCiStore, takeCiImage } from '../lib/ciImage.ts';
import { attempt } from '../lib/command.ts';
import { dist } from '../lib/places.ts';
import { Stop } from '../lib/say.ts';

export type Store = {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly paths: Paths;
  /** Milliseconds that the command took; anything but success stops the measurement. */
  heyvm(...args: string[]): Promise<number>;
  end(): Promise<void>;
};

export async function openStore(
  backend: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'hvm-'));
  const env = { ...process.env, HEYO_HOME: join(folder, 'h'), HEYVM_NODE: process.execPath };
  const paths = pathsOf(env);
  mkdirSync(paths.home, { mode: 0o700 });
  const backends = { [backend]: { image: ciImage, ...settings } };
  writeFileSync(paths.settings, JSON.stringify({ backend_type: backend, backends }));
  takeCiImage(await ensureCiStore(), paths.home);
  const heyvm = async (...args: string[]): Promise<number> => {
    const begun = performance.now();
    const done = await attempt([join(dist, 'heyvm'), ...args], { env, cwd: folder });
    if (done.code !== 0)
      throw new Stop(`heyvm ${args.join(' ')} ended with ${done.code}: ${done.stderr.trim()}`);
    return performance.now() - begun;
  };
  return {
    ...{ folder, env, paths, heyvm },
    end: async () => {
      await attempt([join(dist, 'heyvm'), 'prune', '--yes', '--stopped'], { env, cwd: folder });
      rmSync(folder, { recursive: true, force: true });
      rmSync(paths.run, { recursive: true, force: true });
    },
  };
}
