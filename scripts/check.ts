// The fast gate: types, lint, import rules, dead code, generated files and unit tests. Each step says how much it looked at.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf, unitFiles } from './lib/areas.ts';
import { attempt } from './lib/command.ts';
import { artifacts, root } from './lib/places.ts';
import { type AreaResult, type Report, summaryOf } from './lib/report.ts';
import { runMochaFiles, timed, withFailure } from './lib/runArea.ts';
import { main, say } from './lib/say.ts';

type Gate = { readonly name: string; readonly run: () => Promise<Seen> };

/** How much a gate looked at, and what it found wrong. */
type Seen = { readonly looked: number; readonly what: string; readonly wrong: string };

const bin = (name: string) => join(root, 'node_modules', '.bin', name);

const gates: readonly Gate[] = [
  { name: 'types', run: types },
  { name: 'lint and format', run: lint },
  { name: 'dead code', run: deadCode },
  { name: 'generated files', run: generated },
];

if (import.meta.main) await main(checkAll);

async function checkAll(): Promise<number> {
  const results = await runCheck();
  process.stdout.write(`${summaryOf(results)}\n`);
  return results.some(({ report }) => report.failed.length > 0) ? 1 : 0;
}

export async function runCheck(): Promise<AreaResult[]> {
  const results: AreaResult[] = [await timed('gates', runGates)];
  results.push(await runMochaFiles('architecture', filesOf(['test/architecture/**/*.test.ts'])));
  results.push(
    await runMochaFiles('unit', filesOf([...unitFiles, 'test/contract/fake.test.ts']), { wrap: coverage() }),
  );
  return results;
}

async function runGates(): Promise<{ output: string; report: Report }> {
  let report: Report = { passed: 0, failed: [], skipped: [] };
  for (const gate of gates) {
    const seen = await gate.run();
    const wrong = seen.looked > 0 ? seen.wrong : `it looked at nothing\n${seen.wrong}`;
    say(`${wrong === '' ? 'ok  ' : 'FAIL'} ${gate.name}: ${seen.looked} ${seen.what}`);
    if (wrong !== '') say(wrong);
    report = wrong === '' ? { ...report, passed: report.passed + 1 } : withFailure(report, gate.name, wrong);
  }
  return { output: '', report };
}

async function types(): Promise<Seen> {
  const done = await attempt([bin('tsc'), '-b', '--pretty', 'false'], { cwd: root });
  const looked = filesOf(['{server,extension,scripts,test}/**/*.ts']).length;
  return { looked, what: 'files', wrong: done.code === 0 ? '' : done.stdout + done.stderr };
}

async function lint(): Promise<Seen> {
  const done = await attempt([bin('biome'), 'ci', '--colors=off', '--max-diagnostics=50'], { cwd: root });
  const said = done.stdout + done.stderr;
  const looked = Number(/Checked (\d+) files/.exec(said)?.[1] ?? 0);
  return { looked, what: 'files', wrong: done.code === 0 ? '' : said };
}

async function deadCode(): Promise<Seen> {
  const reporter = join(root, 'scripts', 'lib', 'knipReporter.ts');
  const done = await attempt([bin('knip'), '--no-progress', '--no-config-hints', '--reporter', reporter], {
    cwd: root,
  });
  const line = done.stdout.split('\n').find(text => text.startsWith('{'));
  if (line === undefined) return { looked: 0, what: 'files', wrong: done.stdout + done.stderr };
  const { files, found } = JSON.parse(line) as { files: number; found: string[] };
  return { looked: files, what: 'files', wrong: found.join('\n') };
}

async function generated(): Promise<Seen> {
  const done = await attempt([process.execPath, join(root, 'scripts', 'generate.ts'), '--check'], {
    cwd: root,
  });
  const looked = Number(/(\d+) generated files/.exec(done.stderr)?.[1] ?? 0);
  return { looked, what: 'files', wrong: done.code === 0 ? '' : done.stderr };
}

/** Runs what follows under c8, whose thresholds stand in .c8rc.json. */
function coverage(): readonly string[] {
  mkdirSync(join(artifacts, 'coverage'), { recursive: true });
  return [bin('c8')];
}
