// Tables of ignore rules, with answers as docker's documentation and its own matcher give them.
import { strict as assert } from 'node:assert';
import { readIgnoreRules } from './dockerIgnore.ts';

const cases: readonly (readonly [rules: string, ignored: readonly string[], kept: readonly string[]])[] = [
  ['node_modules', ['node_modules', 'node_modules/a/b.js'], ['src/node_modules', 'node_modules2']],
  ['**/node_modules', ['node_modules/x', 'a/b/node_modules/x'], ['a/node_modules.txt']],
  ['*.md\n!README.md', ['notes.md'], ['README.md', 'docs/notes.md']],
  ['*/temp*', ['a/temp', 'a/temporary.txt', 'a/temp/x'], ['temp', 'a/b/temp']],
  ['*/*/temp*', ['a/b/temp'], ['a/temp']],
  ['temp?', ['tempa', 'tempb/x'], ['temp', 'tempab']],
  ['**/*.go', ['a.go', 'a/b/c.go'], ['a.gox']],
  ['docs/**', ['docs/a', 'docs/a/b'], ['doc']],
  ['*\n!src\n!src/**', ['a', 'b/c'], ['src', 'src/a/b']],
  ['/build/', ['build', 'build/x'], ['a/build']],
  ['# note\n\n  spaced  ', ['spaced'], ['# note']],
  ['./a/../b', ['b', 'b/c'], ['a']],
  ['file[0-9].txt', ['file1.txt'], ['filea.txt', 'file10.txt']],
  ['file[^0-9].txt', ['filea.txt'], ['file1.txt']],
  ['a\\*b', ['a*b'], ['axb']],
  ['!kept\nkept', ['kept'], []],
  ['', [], ['a']],
];

describe('ignore rules of a build', () => {
  for (const [rules, ignored, kept] of cases) {
    it(JSON.stringify(rules), () => {
      const isIgnored = readIgnoreRules(rules);
      assert.deepEqual(
        ignored.filter(path => !isIgnored(path)),
        [],
      );
      assert.deepEqual(
        kept.filter(path => isIgnored(path)),
        [],
      );
    });
  }
});
