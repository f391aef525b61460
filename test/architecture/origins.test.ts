// The project belongs to no machine: no odd absolute paths, no private hosts, no packages from elsewhere.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/places.ts';
import { sources } from './sources.ts';

/** First parts of paths that mean the same on every machine, or inside every guest. */
const known =
  'usr|bin|sbin|lib|lib32|lib64|libx32|etc|proc|sys|dev|tmp|run|var|home/dev|home/me|home/libvirt|workspace|opt/homebrew|opt/heyvm|opt/heyvm-servers|mnt|media|nix|boot|srv|heyvm|git/(?:private|host|objects)';

/** What an engine of containers is asked for over HTTP. */
const routes = 'containers/(create|json)|images/(create|json|prune)|system/df';

describe('the project', () => {
  it('names no path of somebody’s machine', async () => {
    const files = await sources(
      path => /\.(ts|mjs|rs|sh|json|md)$/.test(path) && path !== 'package-lock.json',
    );
    console.log(`      looked at ${files.length} files`);
    assert.ok(files.length > 150);
    const workplace = /(?<![\w.$)}\]~*-])\/(work|workdir)\/\w/;
    // A test may need the path of somebody who does not exist.
    const personal =
      /(?<![\w.$)}\]~*-])\/(root|Users\/[a-z]|home\/(?!dev\b|me\b|libvirt\b|someone\b|you\b)[a-z]+|work|workdir)\/\w/;
    const found = files.flatMap(({ path, text }) =>
      lines(path, text).filter(({ line }) => (path.endsWith('.test.ts') ? workplace : personal).test(line)),
    );
    assert.deepEqual(found, []);
  });

  it('writes to no absolute path that is not of the system', async () => {
    const files = await sources(path => /^(server|extension|scripts)\/.*(?<!\.test)\.(ts|mjs)$/.test(path));
    const literal = /['"`]\/([a-z][\w-]*(?:\/[\w-]+)?)/g;
    const fine = new RegExp(`^(${known}|${routes})(/|$)`);
    const found = files.flatMap(({ path, text }) =>
      [...text.matchAll(literal)]
        .map(([, start = '']) => start)
        .filter(start => start.includes('/') && !fine.test(start))
        .map(start => `${path}: /${start}`),
    );
    assert.deepEqual(found, []);
  });

  it('leaves it to the machine where packages come from, and checks what came', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { resolved?: string; integrity?: string; optional?: boolean }>;
    };
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    assert.ok(packages.length > 100);
    const foreign = packages.filter(([, { resolved }]) => resolved !== undefined);
    // Builds for other platforms are installed there alone.
    const unchecked = packages.filter(
      ([, entry]) => entry.integrity === undefined && entry.optional !== true,
    );
    assert.deepEqual([...foreign, ...unchecked], []);
  });

  it('can be installed from its lock file alone', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const wanted = Object.values(packages).flatMap(entry => Object.keys(entry.optionalDependencies ?? {}));
    assert.ok(wanted.length > 10);
    const locked = new Set(Object.keys(packages).map(path => path.split('node_modules/').at(-1)));
    assert.deepEqual(
      wanted.filter(name => !locked.has(name)),
      [],
    );
  });

  it('comes from people only: no signature of a tool in its files', async () => {
    const files = await sources(path => /\.(ts|mjs|rs|sh|md)$/.test(path));
    const signature = /\b(generated|written|co-authored)[ -]by:? +[A-Z]\w+ +(code|agent|assistant|AI)\b/i;
    assert.deepEqual(
      files.filter(({ text }) => signature.test(text)).map(({ path }) => path),
      [],
    );
  });
});

function lines(path: string, text: string): { path: string; line: string }[] {
  return text.split('\n').map(line => ({ path, line: line.trim().slice(0, 120) }));
}
