// The pages that describe the project agree with it.
import { strict as assert } from 'node:assert';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../scripts/lib/places.ts';
import { sources } from './sources.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('documents', () => {
  const map = /## Code map\n([\s\S]*?)\n## /.exec(read('ARCHITECTURE.md'))?.[1] ?? '';

  it('name every folder of the code in the map of ARCHITECTURE.md', () => {
    const below = readdirSync(join(root, 'server'), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => `server/${entry.name}`);
    const folders = [...below, 'extension', 'native/guest', 'scripts', 'test', 'media'];
    console.log(`      looked at ${folders.length} folders`);
    assert.ok(folders.length > 12);
    assert.deepEqual(
      folders.filter(folder => !map.includes(`\`${folder}\``)),
      [],
    );
  });

  it('name no folder and no file that is gone', () => {
    const named = [
      ...read('ARCHITECTURE.md').matchAll(/`((?:server|extension|native|scripts|test|media)\/[\w./-]+)`/g),
    ];
    assert.ok(named.length > 15);
    const gone = named.map(([, path = '']) => path).filter(path => !existsSync(join(root, path)));
    assert.deepEqual(gone, []);
  });

  it('stay short enough to be read', () => {
    assert.ok(read('ARCHITECTURE.md').split('\n').length <= 250);
  });

  it('link only to files that exist', async () => {
    const pages = await sources(path => path.endsWith('.md') && !path.startsWith('node_modules'));
    assert.ok(pages.length >= 4);
    const broken = pages.flatMap(({ path, text }) => {
      const links = [...text.matchAll(/\]\((?!https?:|#|mailto:|command:)([^)#\s]+)/g)].map(
        ([, link = '']) => link,
      );
      return links
        .filter(link => !existsSync(join(root, dirname(path), link)))
        .map(link => `${path}: ${link}`);
    });
    assert.deepEqual(broken, []);
  });

  it('are evergreen: no code comment speaks of how things were', async () => {
    const code = await sources(path => /^(server|extension|scripts|native)\/.*\.(ts|mjs|rs)$/.test(path));
    assert.ok(code.length > 100);
    const dated =
      /^\s*\/\/.*\b(used to (be|have)|previously|legacy|for now|temporar(y|ily) (fix|hack)|issue #?\d+)\b/im;
    assert.deepEqual(
      code.filter(({ text }) => dated.test(text)).map(({ path }) => path),
      [],
    );
  });
});
