// The doctor's page says what is wrong first, and its buttons do what they are named after.
import { strict as assert } from 'node:assert';
import { parse } from '../../server/protocol/parse.ts';
import { type Finding, findingsOf } from './findings.ts';
import { documentOf } from './html.ts';
import { Page, Said } from './view/message.ts';

const backend: NonNullable<Finding['backend']> = {
  id: 'walls',
  boundary: 'vm',
  verified: 'real',
  caveats: ['It is slow'],
};
const found: readonly Finding[] = [
  { id: 'node', title: 'Node.js', state: 'ok', detail: 'v24' },
  { id: 'leftovers', title: 'Leftovers', state: 'warning', detail: 'a folder', fix: 'heyvm prune' },
  { id: 'git', title: 'git', state: 'error', detail: 'too old', fix: 'install git 2.20 or newer' },
  {
    id: 'backend:air',
    title: 'Air',
    state: 'absent',
    detail: 'none',
    fix: 'apt install air',
    backend: { ...backend, id: 'air', verified: 'contract' },
  },
  { id: 'backend:walls', title: 'Walls', state: 'ok', detail: '1.0', backend },
  {
    id: 'sandboxes',
    title: 'Sandboxes',
    state: 'warning',
    detail: 'both',
    problems: [
      { path: '/s/a.yaml', message: 'one' },
      { path: '/s/b.yaml', message: 'two', hint: 'mend it' },
    ],
  },
];

describe('what the doctor found', () => {
  const { page, act, fix } = findingsOf(found);
  const rows = page.sections.flatMap(section => section.rows);
  const row = (id: string) => rows.find(one => one.id === id);

  it('is a message that the page takes', () => {
    assert.ok(parse(Page, page).ok);
    assert.ok(!parse(Page, { ...page, more: 1 }).ok);
  });

  it('begins with what is broken, and has what is ready before what is not', () => {
    const order = page.sections.map(({ title, rows }) => [title, ...rows.map(({ id }) => id)]);
    assert.deepEqual(order, [
      ['Needs attention', 'git', 'leftovers', 'sandboxes:0', 'sandboxes:1'],
      ['Backends', 'backend:walls', 'backend:air'],
      ['This machine', 'node'],
    ]);
    assert.equal(page.summary, '4 things need attention; 1 of 2 backends is ready.');
  });

  it('names the boundary of each backend, what to know of it, and what was not tried', () => {
    assert.deepEqual(row('backend:walls')?.badges, ['virtual machine boundary']);
    assert.deepEqual(row('backend:walls')?.notes, ['It is slow']);
    assert.equal(row('backend:air')?.notes.length, 2);
  });

  it('runs only what is a command of heyvm as it stands', () => {
    assert.deepEqual(act('leftovers', '0'), { kind: 'terminal', words: ['prune'] });
    for (const text of [
      'heyvm',
      'heyvm prune; reboot',
      'heyvm rm $(id)',
      'heyvm --option x',
      'see heyvm doctor',
    ]) {
      const said = findingsOf([{ id: 'x', title: 'X', state: 'error', detail: '', fix: text }]);
      assert.equal(said.act('x', '0'), undefined, text);
      assert.equal(said.fix('x'), text);
    }
  });

  it('does nothing for a button that it did not show', () => {
    assert.equal(act('leftovers', '1'), undefined);
    assert.equal(act('somebody', '0'), undefined);
    assert.equal(fix('somebody'), undefined);
    assert.ok(!parse(Said, { kind: 'mend', row: 'x', mend: '0', words: ['rm'] }).ok);
  });

  it('shows the file of each problem', () => {
    assert.deepEqual(act('sandboxes:1', '0'), { kind: 'file', path: '/s/b.yaml' });
    assert.deepEqual(row('sandboxes:1')?.fix, { kind: 'sentence', text: 'Mend it.' });
  });

  const fixes = {
    code: ['heyvm prune', 'apt install bubblewrap', 'sudo sysctl a.b=1', '"remote.SSH.path": "ssh"'],
    sentence: [
      'install git 2.20 or newer',
      'free some space, or run heyvm prune',
      'sudo sysctl a.b=0, or add a profile',
      'aptly named',
    ],
  } as const;
  for (const [kind, texts] of Object.entries(fixes))
    for (const text of texts)
      it(`takes ${JSON.stringify(text)} for ${kind === 'code' ? 'something to copy' : 'a sentence'}`, () => {
        const [section] = findingsOf([{ id: 'x', title: 'X', state: 'error', detail: '', fix: text }]).page
          .sections;
        assert.equal(section?.rows[0]?.fix?.kind, kind);
      });
});

describe('the document of the page', () => {
  it('lets in what has its nonce, and nothing else', () => {
    const text = documentOf({ script: 'https://s/doctor.js', style: 'https://s/doctor.css', nonce: 'abc' });
    const policy = /content="(default-src[^"]*)"/.exec(text)?.[1] ?? '';
    assert.deepEqual(policy.split('; '), [
      "default-src 'none'",
      "script-src 'nonce-abc'",
      "style-src 'nonce-abc'",
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    assert.equal(text.match(/nonce="abc"/g)?.length, 2);
    assert.ok(!/ on\w+=|<style|javascript:/.test(text));
  });
});
