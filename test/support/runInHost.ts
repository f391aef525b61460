// Runs mocha suites inside an extension host and writes what happened where HEYVM_TEST_REPORT says.
import { writeFileSync } from 'node:fs';
import imported from 'mocha';
import type { Report } from '../../scripts/lib/report.ts';
import { followReasons } from '../../scripts/lib/whyNotRun.ts';

/** The Node of older editors gives the module where newer ones give what it exports. */
const Mocha: typeof imported = Reflect.get(imported, 'default') ?? imported;

/** `load` imports the suites, which register themselves with mocha's global functions. */
export async function runInHost(load: () => Promise<unknown>): Promise<void> {
  const reportPath = process.env['HEYVM_TEST_REPORT'];
  const report: { -readonly [K in keyof Report]: Report[K] } = { passed: 0, failed: [], skipped: [] };
  const mocha = new Mocha({ timeout: 120_000, slow: 120_000, ui: 'bdd', color: false });
  try {
    mocha.suite.emit('pre-require', globalThis, 'vscode', mocha);
    await load();
    await new Promise<void>(resolve => {
      const runner = mocha.run(() => resolve());
      const whyNot = followReasons(runner);
      runner.on('pass', test => {
        report.passed += 1;
        say(`  ok ${test.fullTitle()} (${test.duration} ms)`);
      });
      runner.on('pending', test => {
        const why = whyNot(test);
        report.skipped = [...report.skipped, { title: test.fullTitle(), why }];
        say(`  not run ${test.fullTitle()}`);
      });
      runner.on('fail', (test, error) => {
        const message = String(error.stack ?? error.message);
        report.failed = [...report.failed, { title: test.fullTitle(), message }];
        say(`  FAILED ${test.fullTitle()}\n    ${message.split('\n').join('\n    ')}`);
      });
    });
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    report.failed = [...report.failed, { title: 'loading the suites', message }];
  }
  if (reportPath !== undefined) writeFileSync(reportPath, JSON.stringify(report));
  if (report.failed.length > 0) throw new Error(`${report.failed.length} tests failed`);
}

/** The host's console goes to the window; whoever runs the tests reads a file. */
function say(line: string): void {
  const path = process.env['HEYVM_TEST_OUTPUT'];
  if (path !== undefined) writeFileSync(path, `${line}\n`, { flag: 'a' });
  console.log(line);
}
