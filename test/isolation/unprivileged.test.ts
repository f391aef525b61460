// Runs the attacks and the contract once more as a user without privileges, when these tests run as root.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolders, stillClosed } from '../../scripts/lib/daemons/openFolders.ts';

const root = join(import.meta.dirname, '..', '..');

type Report = {
  stats: { passes: number; failures: number; pending: number };
  failures: { fullTitle: string; err: { message?: string } }[];
};

describe('isolation as a user without privileges', () => {
  it('holds as well', function () {
    this.timeout(300_000);
    if (process.getuid?.() !== 0) {
      console.log('not run: these tests already run without privileges');
      return this.skip();
    }
    const closed = stillClosed();
    if (closed !== undefined) {
      console.log(`not run: other users cannot enter ${closed}`);
      return this.skip();
    }
    const user = 200_000 + (process.pid % 100_000);
    const folder = mkdtempSync(join(tmpdir(), 'hvu-'));
    chownSync(folder, user, user);
    try {
      const { report, said } = runAs(user, folder);
      console.log(`      as user ${user}: ${report.stats.passes} passed, ${report.stats.pending} not run`);
      for (const line of said.split('\n').filter(words => words.startsWith('not run:')))
        console.log(`      ${line}`);
      assert.deepEqual(
        report.failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message}`),
        [],
      );
      assert.ok(report.stats.passes > 120);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function runAs(user: number, folder: string): { report: Report; said: string } {
  const output = join(folder, 'report.json');
  const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const attacks = ['kernel', 'files', 'processes', 'network', 'lifetime'];
  const files = [...attacks.map(name => `test/isolation/${name}.test.ts`), 'test/contract/backends.test.ts'];
  const identity = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--'];
  const report = ['--reporter', 'json', '--reporter-option', `output=${output}`];
  const place = ['--dev-bind', '/', '/', ...openFolders(), '--cap-add', 'ALL', '--', 'setpriv'];
  const result = spawnSync('bwrap', [...place, ...identity, process.execPath, mocha, ...report, ...files], {
    cwd: root,
    encoding: 'utf8',
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: folder,
      TMPDIR: folder,
      HEYVM_TEST_ONLY: 'bubblewrap',
    },
    maxBuffer: 64 * 1024 * 1024,
  });
  return { report: JSON.parse(readReport(output, result.stderr)) as Report, said: result.stdout };
}

function readReport(path: string, said: string): string {
  const text = process.getBuiltinModule('node:fs').readFileSync(path, 'utf8');
  assert.ok(text.length > 0, said);
  return text;
}
