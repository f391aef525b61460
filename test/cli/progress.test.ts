// What is said of long work where nobody watches a terminal.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const progress = join(import.meta.dirname, '..', '..', 'server', 'cli', 'progress.ts');

describe('progress without a terminal', () => {
  it('names the phase that lasts, while it lasts, and none that was over at once', async () => {
    const child = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { createProgress } from ${JSON.stringify(progress)};
       const line = createProgress({ quiet: false, onLine: () => {} });
       for (const phase of ['quick', 'slow']) line.report({ phase });
       process.stdin.on('data', () => process.exit()).resume();`,
    ]);
    const [first] = await once(child.stderr.setEncoding('utf8'), 'data');
    child.stdin.write('end');
    await once(child, 'close');
    assert.equal(first, 'slow\n');
  });

  it('says nothing of work that is done soon', async () => {
    const child = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { createProgress } from ${JSON.stringify(progress)};
       const line = createProgress({ quiet: false, onLine: () => {} });
       line.report({ phase: 'quick' });
       line.clear();`,
    ]);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (words: string) => {
      said += words;
    });
    await once(child, 'close');
    assert.equal(said, '');
  });
});
