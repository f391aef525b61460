import { strict as assert } from 'node:assert';
import { Settings } from '../../store/settings.ts';
import { explanationAt, type FileKind, offersAt } from './answers.ts';
import { jsonLanguage } from './json.ts';
import { projectKind } from './projectKind.ts';

const settingsKind: FileKind = { language: jsonLanguage, schema: Settings, problemsIn: () => [] };

/** The place is marked by a bar in the text. */
function at(marked: string): [text: string, offset: number] {
  const offset = marked.indexOf('|');
  assert.ok(offset >= 0);
  return [marked.replace('|', ''), offset];
}

/** The text after taking the offer with this label. */
function taken(kind: FileKind, marked: string, label: string): string {
  const [text, offset] = at(marked);
  const offer = offersAt(kind, text, offset).find(one => one.label === label);
  assert.ok(offer, `${label} is not offered: ${labels(kind, marked).join(' ')}`);
  return text.slice(0, offer.from) + offer.text + text.slice(offer.to);
}

function labels(kind: FileKind, marked: string): string[] {
  return offersAt(kind, ...at(marked)).map(({ label }) => label);
}

describe('what an editor offers in a project file', () => {
  const offered: readonly (readonly [marked: string, some: readonly string[], none?: readonly string[]])[] = [
    ['|', ['name', 'backend', 'ports', 'extensions'], ['none', 'cpus']],
    ['na|', ['name']],
    ['name: a\n|', ['backend'], ['name']],
    ['name: a\nlimits:\n  |', ['cpus', 'memory'], ['name']],
    ['limits:\n  cpus: 1\n  |\nttl: 8h\n', ['memory'], ['cpus', 'name']],
    ['limits:\n  cpus: 1\n|', ['name'], ['memory', 'limits']],
    ['mounts:\n  - |', ['source', 'target', 'mode'], ['name']],
    ['mounts:\n  - source: .\n    |', ['target', 'mode'], ['name']],
    ['mounts:\n- source: a\n  target: /a\n- |', ['source'], ['name']],
    ['mounts:\n  - source: .\n    mode: |', ['ro', 'rw'], ['source']],
    ['network: |', ['none', 'allowlist', 'open']],
    ['network: op|', ['open']],
    ['# network: open\nruntime: n|', ['node', 'python', 'shell']],
    ['image:\n  |', ['dockerfile', 'context', 'target']],
    ['image: { |', ['dockerfile', 'context'], ['name']],
    ['image: { dockerfile: D, | }', ['context'], ['dockerfile']],
    ['mounts: [{ mode: | }]', ['ro', 'rw']],
    ['limits: { }\n|', ['name'], ['cpus']],
    ['ready:\n  port: 1\n\n  # a comment\n  |', ['path', 'timeout'], ['port', 'name']],
  ];
  for (const [marked, some, none = []] of offered) {
    it(`${JSON.stringify(marked)}: ${some.join(' ')}`, () => {
      const found = labels(projectKind, marked);
      assert.deepEqual(
        some.filter(label => !found.includes(label)),
        [],
        found.join(' '),
      );
      assert.deepEqual(
        none.filter(label => found.includes(label)),
        [],
        found.join(' '),
      );
    });
  }

  it('writes each key as its value is written', () => {
    assert.equal(taken(projectKind, 'na|', 'name'), 'name: ');
    assert.equal(taken(projectKind, 'a: 1\nli|', 'limits'), 'a: 1\nlimits:\n  ');
    assert.equal(taken(projectKind, 'ports|', 'ports'), 'ports:\n  - ');
    assert.equal(taken(projectKind, 'limits:\n  me|', 'memory'), 'limits:\n  memory: ');
    assert.equal(taken(projectKind, 'network: n|', 'none'), 'network: none');
  });

  it('offers nothing inside of a text', () => {
    assert.deepEqual(labels(projectKind, 'command: npm run |'), []);
    assert.deepEqual(labels(projectKind, '# net|'), []);
    assert.deepEqual(labels(projectKind, 'name:|'), []);
  });
});

describe('what an editor explains in a project file', () => {
  const explained: readonly (readonly [marked: string, name: string, about: RegExp])[] = [
    ['netw|ork: none', 'network', /programs inside may reach.*One of: none, allowlist, open\./],
    ['network: no|ne', 'network', /may reach/],
    ['limits:\n  mem|ory: 2g', 'limits.memory', /^Memory/],
    ['mounts:\n  - source: .\n    mo|de: ro', 'mounts.mode', /may only read it/],
    ['image: { docker|file: D }', 'image.dockerfile', /from the project/],
    ['ports: [30|00]', 'ports', /offered on this machine/],
    ['env: { A|B: c }', 'env', /Variables/],
  ];
  for (const [marked, name, about] of explained) {
    it(`${JSON.stringify(marked)}: ${name}`, () => {
      const found = explanationAt(projectKind, ...at(marked));
      assert.equal(found?.name, name);
      assert.match(found?.about ?? '', about);
    });
  }

  it('explains every key that there is', () => {
    for (const { label, about } of offersAt(projectKind, '', 0)) assert.ok((about ?? '').length > 10, label);
    for (const { label, about } of offersAt(settingsKind, '{ "" }', 3))
      assert.ok((about ?? '').length > 10, label);
  });
});

describe('what an editor offers in the settings', () => {
  it('keys and words, as JSON has them', () => {
    assert.deepEqual(labels(settingsKind, '{ "network": | }'), ['none', 'allowlist', 'open']);
    assert.equal(taken(settingsKind, '{ "network": "n|" }', 'none'), '{ "network": "none" }');
    assert.equal(taken(settingsKind, '{ "back|" }', 'backend_type'), '{ "backend_type":  }');
    assert.equal(taken(settingsKind, '{ // mine\n  "im|" }', 'images'), '{ // mine\n  "images": {} }');
    assert.ok(!labels(settingsKind, '{ "network": "none", "|" }').includes('network'));
    assert.ok(labels(settingsKind, '{ "limits": { "|" } }').includes('memory'));
  });

  it('explains them', () => {
    const found = explanationAt(settingsKind, ...at('{ "images": { "mirr|ors": {} } }'));
    assert.equal(found?.name, 'images.mirrors');
    assert.match(found?.about ?? '', /checksums/);
  });
});
