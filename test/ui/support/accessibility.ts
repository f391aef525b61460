// Asks axe-core what is wrong with a page for people who do not see it, or see it differently.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Frame } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Rules that must have found something to look at, or the page was not there. */
const needed = ['color-contrast', 'button-name', 'list', 'heading-order', 'document-title', 'html-has-lang'];

/** Fails with what is wrong and where; says how much was looked at. */
export async function assertAccessible(frame: Frame, what: string): Promise<void> {
  await frame.evaluate(source);
  const { violations, passes, incomplete } = await frame.evaluate(
    async () => await (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  const looked = new Map(passes.map(({ id, nodes }) => [id, nodes.length]));
  console.log(
    `      ${what}: ${passes.length} rules, ${looked.get('color-contrast') ?? 0} texts of enough contrast, ${incomplete.length} undecided`,
  );
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any }) => `${id} ${target}: ${any[0]?.message}`),
  );
  assert.deepEqual(found.slice(0, 10), []);
  assert.deepEqual(
    needed.filter(id => !looked.has(id)),
    [],
    'rules that found nothing to look at',
  );
  assert.ok((looked.get('color-contrast') ?? 0) > 20);
}
