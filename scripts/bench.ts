// Measures what the product costs beside what a person would run instead, in one run; a figure, never a test.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { buildFigures } from './bench/builds.ts';
import { commandFigures, throwawayFigures } from './bench/commands.ts';
import { componentFigures } from './bench/components.ts';
import { containerFigures } from './bench/containers.ts';
import { editorFigures } from './bench/editor.ts';
import { machineFigures } from './bench/machines.ts';
import type { Figure } from './bench/measure.ts';
import { moduleFigures } from './bench/modules.ts';
import { heldFigure, idleFigures } from './bench/owner.ts';
import { sshFigures } from './bench/ssh.ts';
import { openStage, type Stage } from './bench/stage.ts';
import { buildAll } from './build.ts';
import { artifacts } from './lib/places.ts';
import { main, Stop, say } from './lib/say.ts';

/** Most are measured on a stage with a running sandbox; the others bring what they need. */
type Part = { readonly name: string } & (
  | { readonly measure: (stage: Stage) => Promise<Figure[]> }
  | { readonly alone: () => Promise<Figure[]> }
);

const parts: readonly Part[] = [
  { name: 'idle', measure: idleFigures },
  { name: 'commands', measure: commandFigures },
  { name: 'throwaway', measure: throwawayFigures },
  { name: 'held', measure: async stage => [await heldFigure(stage)] },
  { name: 'ssh', measure: sshFigures },
  { name: 'editor', measure: editorFigures },
  { name: 'components', alone: componentFigures },
  { name: 'docker', alone: containerFigures },
  { name: 'images', alone: buildFigures },
  { name: 'libvirt', alone: machineFigures },
  { name: 'wasix', alone: moduleFigures },
];

await main(async () => {
  const names = process.argv.slice(2);
  const unknown = names.find(name => !parts.some(part => part.name === name));
  if (unknown !== undefined)
    throw new Stop(`there is no part ${unknown}`, parts.map(part => part.name).join(', '));
  await buildAll();
  const figures: Figure[] = [];
  let missing = 0;
  for (const part of parts.filter(({ name }) => names.length === 0 || names.includes(name))) {
    say(`measuring: ${part.name}`);
    try {
      figures.push(...(await figuresOf(part)));
    } catch (error) {
      // The other figures are worth having all the same.
      say(`  ${part.name} could not be measured: ${error instanceof Error ? error.message : String(error)}`);
      missing += 1;
    }
  }
  report(figures);
  return missing === 0 ? 0 : 1;
});

async function figuresOf(part: Part): Promise<Figure[]> {
  if ('alone' in part) return await part.alone();
  const stage = await openStage();
  try {
    return await part.measure(stage);
  } finally {
    await stage.end();
  }
}

function report(figures: readonly Figure[]): void {
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`;
  const rows = figures.map(
    ({ name, value, unit, beside, goal }) =>
      `| ${name} | ${value.toFixed(1)} ${unit} | ${beside} | ${goal} |`,
  );
  const table = ['| figure | measured | beside | goal |', '|---|---|---|---|', ...rows].join('\n');
  process.stdout.write(`${machine}\n\n${table}\n`);
  mkdirSync(artifacts, { recursive: true });
  writeFileSync(join(artifacts, 'bench.json'), `${JSON.stringify({ machine, figures }, null, 2)}\n`);
  writeFileSync(join(artifacts, 'bench.md'), `${machine}\n\n${table}\n`);
}
