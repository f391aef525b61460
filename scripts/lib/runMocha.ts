// Runs mocha test files in this process and writes what happened as a report. Call: runMocha.ts <report> <file>…
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Mocha from 'mocha';
import type { Report, Skipped } from './report.ts';
import { followReasons } from './whyNotRun.ts';

const [reportPath = '', ...files] = process.argv.slice(2);

const mocha = new Mocha({ timeout: 60_000, slow: 10_000, forbidOnly: true, reporter: 'spec', color: false });
for (const file of files) mocha.addFile(resolve(file));
// Told to end it still does what it does at every end, such as removing folders.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
await mocha.loadFilesAsync();
const report = await run();
mkdirSync(dirname(reportPath), { recursive: true });
writeFileSync(reportPath, JSON.stringify(report));
// What a broken test left running must not keep the whole run alive.
process.exit(report.failed.length > 0 ? 1 : 0);

async function run(): Promise<Report> {
  const collected = {
    passed: 0,
    failed: [] as { title: string; message: string }[],
    skipped: [] as Skipped[],
  };
  await new Promise<void>(resolved => {
    const runner = mocha.run(() => resolved());
    const whyNot = followReasons(runner);
    runner.on('pass', () => {
      collected.passed += 1;
    });
    runner.on('pending', test => collected.skipped.push({ title: test.fullTitle(), why: whyNot(test) }));
    runner.on('fail', (test, error) => {
      collected.failed.push({ title: test.fullTitle(), message: String(error.stack ?? error.message) });
    });
  });
  return collected;
}
