// Runs mocha files or cargo's tests in a process of their own, shows what they say, and reads what happened.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Area } from './areas.ts';
import { copyCiStore, ensureCiStore } from './ciImage.ts';
import { attempt } from './command.ts';
import { makeTestUser, type TestUser, whyNoTestUser } from './daemons/testUser.ts';
import { artifacts, cache, root } from './places.ts';
import { type AreaResult, type Report, readReport } from './report.ts';
import { Stop, say } from './say.ts';
import { copyVendorDisk, ensureVendorDisk } from './vendorDisk.ts';
import { ensureVscodeServer } from './vscodeServer.ts';

const runner = join(root, 'scripts', 'lib', 'runMocha.ts');

export type MochaOptions = {
  /** The words that run what follows them. */
  readonly wrap?: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly shown?: Shown;
};

export async function runMochaFiles(
  area: string,
  files: readonly string[],
  { wrap = [], env = {}, shown = 'as it comes' }: MochaOptions = {},
): Promise<AreaResult> {
  const path = join(artifacts, 'reports', `${area}.json`);
  mkdirSync(join(path, '..'), { recursive: true });
  rmSync(path, { force: true });
  return await timed(area, async () => {
    const done = await attempt([...wrap, process.execPath, runner, path, ...files], {
      cwd: root,
      env: { ...process.env, ...env },
      output: shown === 'as it comes' ? 'both' : 'keep',
    });
    if (shown === 'at the end') say(`\n== ${area}\n${done.stdout}${done.stderr}`);
    const report = readReport(path) ?? broken(`the test process of ${area} ended early`, done.stderr);
    const thresholds = done.code !== 0 && report.failed.length === 0;
    return {
      output: done.stdout,
      report: thresholds
        ? withFailure(report, `${area} ended with status ${done.code}`, done.stderr)
        : report,
    };
  });
}

export type Shown = 'as it comes' | 'at the end';

export type UserOptions = Pick<Area, 'env' | 'gives'> & { readonly shown?: Shown };

/** Without privileges, as somebody whom only the tests know; as the person, who may be nobody special, when that cannot be. */
export async function runMochaFilesAsUser(
  area: string,
  files: readonly string[],
  { env = {}, gives = [], shown = 'as it comes' }: UserOptions = {},
): Promise<AreaResult> {
  const why = whyNoTestUser();
  if (why !== undefined) {
    if (process.getuid?.() === 0) return notRun(area, why);
    return await runMochaFiles(area, files, { env });
  }
  // It sees those that are there when it comes.
  if (gives.includes('editor')) await orSay(ensureVscodeServer());
  const user = makeTestUser();
  try {
    await orSay(giveImages(user, gives));
    return await timed(area, async () => {
      const words = [process.execPath, runner, join(user.seen, 'report.json'), ...files];
      const path = join(user.home, 'report.json');
      rmSync(path, { force: true });
      const done = await attempt(user.as(words), {
        cwd: root,
        env: { ...user.env, ...env },
        output: shown === 'as it comes' ? 'both' : 'keep',
      });
      if (shown === 'at the end') say(`\n== ${area}\n${done.stdout}${done.stderr}`);
      const report = readReport(path) ?? broken(`the test process of ${area} ended early`, done.stderr);
      return { output: done.stdout, report };
    });
  } finally {
    user.end();
  }
}

async function giveImages(user: TestUser, gives: NonNullable<Area['gives']>): Promise<void> {
  const folder = join(user.home, 'cache');
  mkdirSync(folder, { recursive: true });
  await copyCiStore(await ensureCiStore(), folder, user.uid);
  if (gives.includes('vendor disk')) await copyVendorDisk(await ensureVendorDisk(), folder, user.uid);
}

/** Without what was to be made, the tests that need it say why they are not run, or fail. */
async function orSay(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(error.message);
  }
}

function notRun(area: string, why: string): AreaResult {
  say(`not run: ${why}`);
  return {
    area,
    report: { passed: 0, failed: [], skipped: [{ title: area, why }] },
    reasons: [`not run: ${why}`],
    seconds: 0,
  };
}

export async function runCargoTests(area: string): Promise<AreaResult> {
  return await timed(area, async () => {
    const env = { ...process.env, CARGO_TARGET_DIR: join(cache, 'cargo-test-target') };
    const done = await attempt(['cargo', 'test', '--locked'], {
      cwd: join(root, 'native', 'guest'),
      env,
      output: 'both',
    });
    let report: Report = { passed: 0, failed: [], skipped: [] };
    for (const [, name = '', how] of done.stdout.matchAll(/^test (\S+) \.\.\. (ok|FAILED|ignored)/gm)) {
      if (how === 'ok') report = { ...report, passed: report.passed + 1 };
      else if (how === 'ignored') report = { ...report, skipped: [...report.skipped, { title: name }] };
      else report = withFailure(report, name, done.stdout);
    }
    if (done.code !== 0 && report.failed.length === 0)
      report = withFailure(report, 'cargo test', done.stderr);
    return { output: done.stdout, report };
  });
}

export async function timed(
  area: string,
  work: () => Promise<{ output: string; report: Report }>,
): Promise<AreaResult> {
  const started = Date.now();
  const { output, report } = await work();
  const reasons = [...output.matchAll(/^\s*(not run: .*)$/gm)].map(([, reason = '']) => reason);
  return { area, report, reasons: [...new Set(reasons)], seconds: (Date.now() - started) / 1000 };
}

export function withFailure(report: Report, title: string, said: string): Report {
  const message = said.trim().split('\n').slice(-12).join('\n');
  return { ...report, failed: [...report.failed, { title, message }] };
}

function broken(title: string, said: string): Report {
  return withFailure({ passed: 0, failed: [], skipped: [] }, title, said);
}
