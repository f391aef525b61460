// The log of a sandbox: its last lines, and what is added while one watches.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { eventually } from '../support/eventually.ts';
import { listenTo, makeWorld, needEngine, type World } from './support/world.ts';

describe('heyvm logs', () => {
  let world: World;
  let path: string;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    await world.json(['create', '--name', 'box']);
    await world.json(['stop', 'box']);
    path = ((await world.json(['logs', 'box'])) as { path: string }).path;
  });
  after(() => world?.end());

  it('prints what the owner has written', async () => {
    const { text } = (await world.json(['logs', 'box'])) as { text: string };
    assert.notEqual(text.trim(), '');
    assert.equal((await world.heyvm(['logs', 'box'])).stdout.trim(), text.trim());
  });

  it('prints as many of the last lines as one wants', async () => {
    writeFileSync(path, Array.from({ length: 500 }, (_, index) => `line ${index}\n`).join(''));
    assert.equal((await world.heyvm(['logs', '-n', '2', 'box'])).stdout, 'line 498\nline 499\n');
    assert.equal((await world.heyvm(['logs', '-n', '0', 'box'])).stdout, '');
    assert.equal((await world.heyvm(['logs', 'box'])).stdout.split('\n').length, 101);
  });

  it('follows whole lines, none twice, through a rotation, until Ctrl-C', async () => {
    writeFileSync(path, 'one\ntwo\nthree\n');
    const child = world.start(['logs', '-f', '-n', '2', 'box']);
    const heard = listenTo(child.stdout);
    await eventually(() => heard.text === 'two\nthree\n', { what: 'the last lines' });
    appendFileSync(path, 'four\nfi');
    await eventually(() => heard.text.endsWith('four\n'), { what: 'a new line' });
    appendFileSync(path, 've\n');
    await eventually(() => heard.text.endsWith('four\nfive\n'), { what: 'the rest of a line' });
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'six é\n');
    await eventually(() => heard.text.endsWith('five\nsix é\n'), { what: 'a line of the next file' });
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'close'), [130, null]);
    assert.equal(heard.text, 'two\nthree\nfour\nfive\nsix é\n');
  });

  it('follows in JSON, one object on each line, and ends when the sandbox is removed', async () => {
    writeFileSync(path, 'a\n');
    const child = world.start(['logs', '-f', '--format', 'json', 'box']);
    const heard = listenTo(child.stdout);
    const closed = once(child, 'close');
    await eventually(() => heard.text !== '', { what: 'the first line' });
    appendFileSync(path, 'say "b"\n');
    await eventually(() => heard.text.split('\n').length === 3, { what: 'the second line' });
    const lines = heard.text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as unknown);
    assert.deepEqual(lines, [{ line: 'a' }, { line: 'say "b"' }]);
    await world.json(['rm', '-y', 'box']);
    assert.deepEqual(await closed, [0, null]);
  });
});
