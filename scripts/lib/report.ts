// What one area of the tests did, and the summary of all of them.
import { existsSync, readFileSync } from 'node:fs';

export type Report = {
  readonly passed: number;
  readonly failed: readonly { readonly title: string; readonly message: string }[];
  readonly skipped: readonly Skipped[];
};

/** A test that was not run, and why when it said so. */
export type Skipped = { readonly title: string; readonly why?: string | undefined };

export type AreaResult = {
  readonly area: string;
  readonly report: Report;
  /** `not run: …` lines that the tests printed. */
  readonly reasons: readonly string[];
  readonly seconds: number;
};

export function readReport(path: string): Report | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Report) : undefined;
}

/** The whole run for a person; the last line is for whoever counts. */
export function summaryOf(results: readonly AreaResult[]): string {
  const lines = ['', 'area            passed  failed  not run  seconds'];
  for (const { area, report, seconds } of results) {
    const numbers = [report.passed, report.failed.length, report.skipped.length];
    const cells = numbers.map((number, index) => String(number).padStart([6, 8, 9][index] ?? 8));
    lines.push(`${area.padEnd(16)}${cells.join('')}${String(Math.round(seconds)).padStart(9)}`);
  }
  lines.push(...skippedOf(results), ...failuresOf(results), '');
  lines.push(
    `${total(results, report => report.passed)} passed, ` +
      `${total(results, report => report.failed.length)} failed, ` +
      `${total(results, report => report.skipped.length)} skipped`,
  );
  return lines.join('\n');
}

function skippedOf(results: readonly AreaResult[]): string[] {
  const lines = results.flatMap(({ area, report, reasons }) => {
    const told = new Set(report.skipped.map(({ why }) => `not run: ${why}`));
    return [
      ...report.skipped.map(({ title, why }) => `  ${area}: ${title}${why === undefined ? '' : ` (${why})`}`),
      ...reasons.filter(reason => !told.has(reason)).map(reason => `  ${area}: ${reason}`),
    ];
  });
  return lines.length === 0 ? ['', 'everything was run'] : ['', 'not run, and why:', ...new Set(lines)];
}

function failuresOf(results: readonly AreaResult[]): string[] {
  const lines = results.flatMap(({ area, report }) =>
    report.failed.map(
      ({ title, message }) =>
        `  ${area}: ${title}\n      ${message.split('\n').slice(0, 6).join('\n      ')}`,
    ),
  );
  return lines.length === 0 ? [] : ['', 'failed:', ...lines];
}

function total(results: readonly AreaResult[], count: (report: Report) => number): number {
  return results.reduce((sum, { report }) => sum + count(report), 0);
}
