// Writes everything that is made from the code: the manifest's contributions, command docs, schemas, tables and licenses.
// With --check nothing is written, and what is out of step is named.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { contributes } from '../extension/manifest.ts';
import { renderDocs } from '../server/cli/docs.ts';
import { backendTable } from './lib/backendTable.ts';
import { licensesText } from './lib/licenses.ts';
import { root } from './lib/places.ts';
import { goldenSchemas } from './lib/protocolSchemas.ts';
import { main, say } from './lib/say.ts';

type Generated = { readonly path: string; readonly text: string };

const GOLDEN = 'test/protocol/golden';

await main(async () => {
  const files = await everything();
  const stale = files.filter(({ path, text }) => current(path) !== text).map(({ path }) => path);
  const gone = existsSync(join(root, GOLDEN)) ? orphans(files) : [];
  say(`${files.length} generated files, ${stale.length + gone.length} out of step`);
  for (const path of [...stale, ...gone]) say(`  ${path}`);
  if (process.argv.includes('--check')) {
    if (stale.length + gone.length > 0) say('  npm run generate brings them in step');
    return stale.length + gone.length > 0 ? 1 : 0;
  }
  for (const path of gone) rmSync(join(root, path));
  for (const { path, text } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (current(path) !== text) writeFileSync(join(root, path), text);
  }
  return 0;
});

async function everything(): Promise<Generated[]> {
  const schemas = goldenSchemas().map(({ name, schema }) => ({
    path: `${GOLDEN}/${name}.json`,
    text: `${JSON.stringify(schema, null, 2)}\n`,
  }));
  return [
    { path: 'package.json', text: manifest() },
    { path: 'docs/commands.md', text: renderDocs() },
    { path: 'README.md', text: withBlock(current('README.md') ?? '', 'backends', backendTable()) },
    { path: 'THIRD-PARTY-LICENSES.md', text: await licensesText() },
    ...schemas,
  ];
}

function manifest(): string {
  const parsed = JSON.parse(current('package.json') ?? '{}') as Record<string, unknown>;
  return `${JSON.stringify({ ...parsed, contributes }, null, 2)}\n`;
}

/** Replaces what stands between the two markers of that name; a page without them is left as it is. */
function withBlock(page: string, name: string, block: string): string {
  const [begin, end] = [`<!-- begin ${name}: npm run generate -->`, `<!-- end ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) return page;
  return `${page.slice(0, from + begin.length)}\n${block.trim()}\n${page.slice(to)}`;
}

/** Schemas of messages that are no longer in the protocol. */
function orphans(files: readonly Generated[]): string[] {
  return readdirSync(join(root, GOLDEN))
    .map(name => `${GOLDEN}/${name}`)
    .filter(path => !files.some(file => file.path === path));
}

function current(path: string): string | undefined {
  const full = join(root, path);
  return existsSync(full) ? readFileSync(full, 'utf8') : undefined;
}
