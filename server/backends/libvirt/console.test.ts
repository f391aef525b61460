// Reads consoles of guests that write as they like, and holds on to little of it.
import { strict as assert } from 'node:assert';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConsole } from './console.ts';

describe('the console of a machine', () => {
  let file: string;
  beforeEach(() => {
    file = join(mkdtempSync(join(tmpdir(), 'heyvm-console-')), 'console.log');
    writeFileSync(file, 'an earlier start\n');
  });
  afterEach(() => rmSync(join(file, '..'), { recursive: true, force: true }));

  it('is read line by line, also where a line comes in parts', async () => {
    const console = await readConsole(file);
    appendFileSync(file, 'one\r\ntw');
    assert.deepEqual(await console.read(), ['one']);
    appendFileSync(file, 'o\n');
    assert.deepEqual(await console.read(), ['two']);
    assert.deepEqual(await console.read(), []);
  });

  it('never collects a line that does not end', async () => {
    const console = await readConsole(file);
    for (let round = 0; round < 20; round += 1) {
      appendFileSync(file, 'x'.repeat(1024 * 1024));
      assert.deepEqual(await console.read(), []);
    }
    assert.ok(console.lastWords().length < 1000);
    appendFileSync(file, '\nafter it\n');
    assert.deepEqual((await console.read()).at(-1), 'after it');
  });

  it('is cut to its end where it is flooded', async () => {
    const console = await readConsole(file);
    appendFileSync(file, `${'y\n'.repeat(400_000)}the last\n`);
    const lines = await console.read();
    assert.ok(lines.length <= 1000);
    assert.equal(lines.at(-1), 'the last');
  });

  it('does not speak to the terminal that shows it', async () => {
    const console = await readConsole(file);
    appendFileSync(file, '\u001b[2J\u001b]0;title\u0007 plain\u009b31m\n');
    assert.deepEqual(await console.read(), [']0;title plain31m']);
  });
});
