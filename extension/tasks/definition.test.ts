// What tasks.json may say of a task that runs inside, and what is run for it.
import { strict as assert } from 'node:assert';
import { readTask, wordsOf } from './definition.ts';

describe('a task of the type heyvm', () => {
  const runs = [
    [{ command: 'npm test | cat' }, ['exec', '--tty', 'sb', '--', 'sh', '-c', 'npm test | cat']],
    [{ command: ['echo', '$HOME; rm x'] }, ['exec', '--tty', 'sb', '--', 'echo', '$HOME; rm x']],
    [{ command: 'ls', cwd: '/tmp' }, ['exec', '--tty', '--cwd', '/tmp', 'sb', '--', 'sh', '-c', 'ls']],
  ] as const;
  for (const [definition, words] of runs) {
    it(`runs ${JSON.stringify(definition)}`, () => {
      const task = readTask(definition);
      assert.ok(!('problem' in task));
      assert.deepEqual(wordsOf(task, 'sb'), words);
    });
  }

  const refused = [
    [{}, /"command"/],
    [{ command: ' ' }, /"command"/],
    [{ command: [] }, /"command"/],
    [{ command: ['ls', 1] }, /"command"/],
    [{ command: 'ls', sandbox: 7 }, /"sandbox"/],
    [{ command: 'ls', cwd: 'src' }, /"cwd"/],
  ] as const;
  for (const [definition, why] of refused) {
    it(`cannot be ${JSON.stringify(definition)}`, () => {
      const task = readTask(definition);
      assert.match('problem' in task ? task.problem : '', why);
    });
  }
});
