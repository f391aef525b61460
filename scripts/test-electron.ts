// Runs the suites of test/vscode in the desktop's VS Code, for people who can download it.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';
import { buildAll } from './build.ts';
import { makeDemo } from './lib/demo.ts';
import { heyvmIn } from './lib/openBranch.ts';
import { artifacts, cache, dist, root } from './lib/places.ts';
import { readReport, summaryOf } from './lib/report.ts';
import { main, Stop } from './lib/say.ts';

await main(async () => {
  await buildAll();
  const version = process.argv[2] ?? 'stable';
  const program = await download(version);
  const folder = mkdtempSync(join(tmpdir(), 'hv-'));
  const report = join(artifacts, 'reports', 'electron.json');
  const env = { HEYO_HOME: join(folder, 'h'), HEYVM_TEST_REPORT: report };
  const { repository } = await makeDemo(join(folder, 'tea'));
  mkdirSync(join(artifacts, 'reports'), { recursive: true });
  const begun = Date.now();
  try {
    await runTests({
      vscodeExecutablePath: program,
      extensionDevelopmentPath: root,
      extensionTestsPath: join(dist, 'test', 'vscode.cjs'),
      extensionTestsEnv: env,
      launchArgs: [
        repository,
        '--disable-extensions',
        '--disable-workspace-trust',
        '--user-data-dir',
        join(folder, 'user'),
      ],
    }).catch(() => undefined); // What failed stands in the report.
    const result = readReport(report);
    if (result === undefined) throw new Stop('VS Code ended without a report of its tests');
    const seconds = (Date.now() - begun) / 1_000;
    process.stdout.write(`${summaryOf([{ area: 'electron', report: result, reasons: [], seconds }])}\n`);
    return result.failed.length > 0 || result.passed === 0 ? 1 : 0;
  } finally {
    await heyvmIn(repository, { ...process.env, ...env })('prune', '--yes', '--stopped');
    rmSync(folder, { recursive: true, force: true });
  }
});

async function download(version: string): Promise<string> {
  try {
    return await downloadAndUnzipVSCode({ version, cachePath: join(cache, 'electron') });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Stop(
      `VS Code ${version} cannot be downloaded here: ${why}`,
      'npm run test:vscode runs the same suites in the VS Code server, which comes from the npm registry',
    );
  }
}
