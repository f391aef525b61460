// The settings: what may be written in them, and how precisely a mistake is told.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { readSettings } from '../../server/store/settings.ts';
import { newStore } from './support.ts';

describe('the settings', () => {
  let store: ReturnType<typeof newStore>;
  beforeEach(() => {
    store = newStore();
  });
  afterEach(() => store.dispose());

  it('have defaults without a file', () => {
    assert.deepEqual(readSettings(store.paths), {
      settings: {
        worktree_path: '../<slug>',
        include: [],
        limits: {},
        backends: {},
        devcontainer: 'follow',
        images: { mirrors: {}, bases: {} },
      },
      problems: [],
    });
  });

  const readable: readonly { what: string; text: string; key: string; value: unknown }[] = [
    {
      what: 'line comments',
      text: '{\n// why\n"backend_type": "docker" // so\n}',
      key: 'backend_type',
      value: 'docker',
    },
    { what: 'block comments', text: '/* a\n b */{"network": /* x */ "open"}', key: 'network', value: 'open' },
    { what: 'trailing commas', text: '{"include": [".env", "a",], }', key: 'include', value: ['.env', 'a'] },
    {
      what: 'what looks like a comment in a text',
      text: '{"include": ["a//b", "/*c*/", ",]"]}',
      key: 'include',
      value: ['a//b', '/*c*/', ',]'],
    },
    { what: 'escaped quotes', text: '{"include": ["a\\"//b"]}', key: 'include', value: ['a"//b'] },
    { what: 'a byte order mark', text: '\uFEFF{"network": "none"}', key: 'network', value: 'none' },
    { what: 'nothing at all', text: ' \n', key: 'worktree_path', value: '../<slug>' },
    {
      what: 'a place in braces',
      text: '{"worktree_path": "../{repo}-{slug}"}',
      key: 'worktree_path',
      value: '../{repo}-{slug}',
    },
    { what: 'limits', text: '{"limits": {"memory": 1024}}', key: 'limits', value: { memory: 1024 } },
    {
      what: 'options of a backend',
      text: '{"backends": {"x": {"y": 1}}}',
      key: 'backends',
      value: { x: { y: 1 } },
    },
  ];
  for (const { what, text, key, value } of readable) {
    it(`may be written with ${what}`, () => {
      writeFileSync(store.paths.settings, text);
      const settings: Record<string, unknown> = readSettings(store.paths).settings;
      assert.deepEqual(settings[key], value);
    });
  }

  const wrong: readonly { what: string; text: string; told: RegExp }[] = [
    { what: 'a wrong word', text: '{"network": "some"}', told: /network/ },
    { what: 'a wrong kind of value', text: '{"include": ".env"}', told: /include/ },
    {
      what: 'a template without its place',
      text: '{"worktree_path": "../here"}',
      told: /worktree_path.*<slug>/,
    },
    { what: 'an unknown limit', text: '{"limits": {"discs": 1}}', told: /limits/ },
    { what: 'broken JSON', text: '{"network": ', told: /settings\.json/ },
    { what: 'an unclosed text', text: '{"network": "open}', told: /settings\.json/ },
  ];
  for (const { what, text, told } of wrong) {
    it(`with ${what} name the file and the key`, () => {
      writeFileSync(store.paths.settings, text);
      assert.throws(
        () => readSettings(store.paths),
        (error: { code?: string; message?: string; hint?: string }) => {
          assert.equal(error.code, 'settings-broken');
          assert.match(error.message ?? '', told);
          assert.ok(error.message?.includes(store.paths.settings));
          assert.ok(error.hint);
          return true;
        },
      );
    });
  }

  it('keep a key that nobody knows and say what was probably meant', () => {
    writeFileSync(store.paths.settings, '{"backend_typ": "docker", "$schema": "x"}');
    const { settings, problems } = readSettings(store.paths);
    assert.equal(settings['backend_typ'], 'docker');
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.hint ?? '', /backend_type/);
  });
});
