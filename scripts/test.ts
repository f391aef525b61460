// Runs every test there is, or the areas that are named, and says at the end what ran, what failed, and what was not run.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll } from './build.ts';
import { runCheck } from './check.ts';
import { ensurePrograms } from './lib/apt.ts';
import { type Area, areas, filesOf } from './lib/areas.ts';
import { ensureCiDisk, ensureCiStore } from './lib/ciImage.ts';
import { startKeeper } from './lib/daemons/daemons.ts';
import { artifacts } from './lib/places.ts';
import { type AreaResult, summaryOf } from './lib/report.ts';
import { runCargoTests, runMochaFiles, runMochaFilesAsUser, type Shown, withFailure } from './lib/runArea.ts';
import { main, Stop, say } from './lib/say.ts';
import { runVscodeSuites } from './test-vscode.ts';

await main(async () => {
  const chosen = choose(process.argv.slice(2));
  for (const area of chosen) await ensurePrograms(area.needs ?? []);
  await buildAll();
  if (chosen.some(area => area.guests === 'from the image')) await prepareImage();
  const results: AreaResult[] = [];
  const keeper = await startKeeper();
  try {
    results.push(...(await runLanes(chosen)));
  } finally {
    await keeper.end();
  }
  const summary = summaryOf(results);
  mkdirSync(artifacts, { recursive: true });
  writeFileSync(join(artifacts, 'summary.txt'), `${summary}\n`);
  process.stdout.write(`${summary}\n`);
  return results.some(({ report }) => report.failed.length > 0) ? 1 : 0;
});

function choose(names: readonly string[]): readonly Area[] {
  const unknown = names.find(name => !areas.some(area => area.name === name));
  if (unknown !== undefined) {
    throw new Stop(`there is no area ${unknown}`, `one of: ${areas.map(area => area.name).join(', ')}`);
  }
  return names.length === 0 ? areas : areas.filter(area => names.includes(area.name));
}

/** Without it, the tests that need it say why they are not run. */
async function prepareImage(): Promise<void> {
  try {
    await ensureCiDisk(await ensureCiStore());
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

/** Emulated machines have daemons of their own and are waited for most of the time; what runs beside is shown when it is done. */
async function runLanes(chosen: readonly Area[]): Promise<AreaResult[]> {
  const beside = chosen.filter(area => area.beside === true);
  const lanes = [chosen.filter(area => area.beside !== true), beside].filter(lane => lane.length > 0);
  const done = await Promise.allSettled(
    lanes.map((lane, index) => runInTurn(lane, index === 0 ? 'as it comes' : 'at the end')),
  );
  return done.flatMap(lane => {
    if (lane.status === 'rejected') throw lane.reason;
    return lane.value;
  });
}

async function runInTurn(lane: readonly Area[], shown: Shown): Promise<AreaResult[]> {
  const results: AreaResult[] = [];
  for (const area of lane) {
    if (shown === 'as it comes') say(`\n== ${area.name}`);
    results.push(...(await runArea(area, shown)));
  }
  return results;
}

async function runArea(area: Area, shown: Shown): Promise<AreaResult[]> {
  const results = await (async () => {
    switch (area.by) {
      case 'check':
        return await runCheck();
      case 'cargo':
        return [await runCargoTests(area.name)];
      case 'vscode':
        return [await runVscodeSuites({ name: area.name, editor: area.editor, only: area.suites })];
      case 'mocha': {
        const files = filesOf(area.files);
        if (area.as === 'user') return [await runMochaFilesAsUser(area.name, files, { ...area, shown })];
        return [await runMochaFiles(area.name, files, { ...area, shown })];
      }
    }
  })();
  return results.map(orNothing);
}

/** An area in which nothing ran has not passed, unless every one of its tests says why. */
function orNothing(result: AreaResult): AreaResult {
  const { report } = result;
  if (report.passed + report.failed.length > 0) return result;
  if (report.skipped.length > 0 && result.reasons.length > 0) return result;
  return { ...result, report: withFailure(report, `nothing was run in ${result.area}`, '') };
}
