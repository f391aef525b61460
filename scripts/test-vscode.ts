// Runs the suites of test/vscode inside a real VS Code: its server on loopback, its workbench in a headless browser.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll } from './build.ts';
import { openBrowser } from './lib/browser.ts';
import { ensureCiStore, takeCiImage } from './lib/ciImage.ts';
import { sharedDockerd } from './lib/daemons/daemons.ts';
import { artifacts, dist } from './lib/places.ts';
import { type AreaResult, type Report, readReport, summaryOf } from './lib/report.ts';
import { timed, withFailure } from './lib/runArea.ts';
import { main, Stop, say } from './lib/say.ts';
import { openScene } from './lib/scene.ts';
import type { ReleaseName } from './lib/vscodeServer.ts';

const WITHIN_MS = 8 * 60_000;

if (import.meta.main) {
  await main(async () => {
    await buildAll();
    const result = await runVscodeSuites({ name: 'vscode' });
    process.stdout.write(`${summaryOf([result])}\n`);
    return result.report.failed.length + (result.report.passed === 0 ? 1 : 0) > 0 ? 1 : 0;
  });
}

export type Suites = {
  /** Of the area. */
  readonly name: string;
  readonly editor?: ReleaseName | undefined;
  /** All of them when it is left out. */
  readonly only?: readonly string[] | undefined;
};

export async function runVscodeSuites({ name, editor, only }: Suites): Promise<AreaResult> {
  return await timed(name, async () => {
    const report = join(artifacts, 'reports', `${name}.json`);
    const output = join(artifacts, 'reports', `${name}.txt`);
    mkdirSync(join(artifacts, 'reports'), { recursive: true });
    for (const file of [report, output]) rmSync(file, { force: true });
    const engine = only === undefined || only.includes('copies') ? await containers() : undefined;
    const env = {
      HEYVM_TEST_REPORT: report,
      HEYVM_TEST_OUTPUT: output,
      ...(engine?.kind === 'ready' ? { HEYVM_TEST_ENGINE: `unix://${engine.socket}` } : {}),
      ...(engine?.kind === 'not run' ? { HEYVM_TEST_NO_ENGINE: engine.why } : {}),
      ...(only === undefined ? {} : { HEYVM_TEST_SUITES: only.join(',') }),
    };
    const scene = await openScene(name, { env, editor });
    try {
      if (engine?.kind === 'ready') takeCiImage(engine.store, scene.home);
      const address = scene.windowOn(scene.repository, [
        ['extensionTestsPath', join(dist, 'test', 'vscode.cjs')],
      ]);
      const what = await loadUntil(address, report, output);
      return { output: textOf(output), report: what };
    } finally {
      await scene.end();
    }
  });
}

type Containers =
  | { readonly kind: 'ready'; readonly socket: string; readonly store: string }
  | { readonly kind: 'not run'; readonly why: string };

/** The engine of this run, and the image that its guests run from. */
async function containers(): Promise<Containers> {
  const engine = await sharedDockerd();
  if (engine.kind === 'not run') return engine;
  try {
    return { kind: 'ready', socket: engine.socket, store: await ensureCiStore() };
  } catch (error) {
    if (error instanceof Stop) return { kind: 'not run', why: error.message };
    throw error;
  }
}

/** The window closes itself or not; the tests are over when their report is there. */
async function loadUntil(address: string, reportPath: string, output: string): Promise<Report> {
  const browser = await openBrowser();
  let shown = 0;
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('console', message => message.type() === 'error' && errors.push(message.text()));
    await page.goto(address);
    const deadline = Date.now() + WITHIN_MS;
    while (Date.now() < deadline) {
      const text = textOf(output);
      process.stderr.write(text.slice(shown));
      shown = text.length;
      const report = readReport(reportPath);
      if (report !== undefined) return report;
      await new Promise(resolve => setTimeout(resolve, 200));
    }
    const shot = join(artifacts, 'screenshots', 'vscode-suites-stuck.png');
    await page.screenshot({ path: shot }).catch(error => say(`no screenshot: ${error.message}`));
    const nothing: Report = { passed: 0, failed: [], skipped: [] };
    return withFailure(
      nothing,
      `the suites did not end within ${WITHIN_MS / 60_000} minutes`,
      errors.join('\n'),
    );
  } finally {
    await browser.close();
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
