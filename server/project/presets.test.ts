import { strict as assert } from 'node:assert';
import { parseProject } from './parse.ts';
import { PROJECT_FILE, presetFor, presets } from './presets.ts';

/** The same with every suggestion taken: a comment that looks like a key of the file is one. */
function uncommented(text: string): string {
  return text.replace(/^# ((?:[a-z_]+:( .*)?)|(?: +(?:-|[A-Za-z_]+:) .*))$/gm, '$1');
}

describe('the presets of heyvm init', () => {
  for (const { name, files } of presets) {
    it(`${name} is right as it is, and with each of its suggestions`, () => {
      const text = files.find(({ path }) => path === PROJECT_FILE)?.content ?? assert.fail('no project file');
      assert.deepEqual(parseProject(text), { ok: true, file: { runtime: name } });
      const open = uncommented(text).replace(/^image: debian:12\n/m, '');
      const parsed = parseProject(open);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      const known = [
        'setup',
        'command',
        'ports',
        'ready',
        'backend',
        'image',
        'network',
        'env',
        'mounts',
        'limits',
        'ttl',
      ];
      for (const key of known) assert.ok(key in parsed.file, `${key} is not suggested`);
    });
  }

  it('fit by the files of a folder', () => {
    assert.equal(presetFor(['README.md', 'package.json']).name, 'node');
    assert.equal(presetFor(['pyproject.toml']).name, 'python');
    assert.equal(presetFor([]).name, 'shell');
  });
});
