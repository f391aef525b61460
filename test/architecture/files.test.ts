// Every source file is short, says what it is for, and has a name that tells something.
import { strict as assert } from 'node:assert';
import { basename } from 'node:path';
import { isCode, type Source, sources } from './sources.ts';

const MAX_LINES = 300;

describe('source files', () => {
  let code: Source[];

  before(async () => {
    code = await sources(isCode);
    console.log(`      looked at ${code.length} files`);
    assert.ok(code.length > 150, `only ${code.length} files were found`);
  });

  it(`have at most ${MAX_LINES} lines`, () => {
    const long = code.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));
    assert.deepEqual(
      long.filter(({ lines }) => lines > MAX_LINES),
      [],
    );
  });

  it('begin with a sentence that says what they are for', () => {
    // A test says it with its `describe`.
    const silent = code.filter(({ path, text }) => !path.endsWith('.test.ts') && !firstLine(path, text));
    assert.deepEqual(pathsOf(silent), []);
  });

  it('have names in camel case, and none that says nothing', () => {
    const typescript = code.filter(
      ({ path }) => /\.(ts|mts|mjs)$/.test(path) && !basename(path).startsWith('.'),
    );
    const odd = typescript.filter(({ path }) => !isGoodName(path));
    assert.deepEqual(pathsOf(odd), []);
  });

  it('promise nothing for later', () => {
    // Written in two halves, so that this file does not find itself.
    const marker = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${'X'.repeat(3)})\\b`);
    assert.deepEqual(pathsOf(code.filter(({ text }) => marker.test(text))), []);
  });

  it('silence the linter only with a reason', () => {
    const pattern = /biome-ignore [^:\n]+:[ \t]*$/m;
    assert.deepEqual(pathsOf(code.filter(({ text }) => pattern.test(text))), []);
  });

  it('have no way around the types outside tests', () => {
    const product = code.filter(
      ({ path }) => /^(server|extension|scripts)\//.test(path) && !path.endsWith('.test.ts'),
    );
    assert.ok(product.length > 100);
    const escapes = product.filter(({ text }) =>
      /\bas unknown as\b|@ts-(ignore|nocheck|expect-error)/.test(text),
    );
    assert.deepEqual(pathsOf(escapes), []);
  });
});

function firstLine(path: string, text: string): boolean {
  const [first = '', second = ''] = text.split('\n');
  const line = first.startsWith('#!') ? second : first;
  if (path.endsWith('.sh')) return /^# \S.{9,}/.test(line);
  return /^(\/\/|\/\/!) \S.{9,}/.test(line);
}

function isGoodName(path: string): boolean {
  const parts = path.replace(/(\.test)?\.(d\.)?(ts|mts|mjs)$/, '').split('/');
  const name = parts.at(-1) ?? '';
  const empty = ['utils', 'util', 'helpers', 'common', 'misc', 'manager'];
  // A script is named as its task is, and a task may have two words; a fixture is a program.
  const pattern = /^(scripts\/[^/]+|test\/fixtures\/.*)$/.test(path)
    ? /^[a-z][A-Za-z0-9-]*$/
    : /^[a-z][A-Za-z0-9]*$/;
  return pattern.test(name) && !empty.includes(name);
}

function pathsOf(files: readonly Source[]): string[] {
  return files.map(({ path }) => path);
}
