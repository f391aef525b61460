// Takes the README's pictures from the running product.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll } from './build.ts';
import { openBrowser } from './lib/browser.ts';
import { openBranch } from './lib/openBranch.ts';
import { root } from './lib/places.ts';
import { main, say } from './lib/say.ts';
import { openScene } from './lib/scene.ts';
import { webviewOf } from './lib/webview.ts';
import {
  openTerminal,
  openView,
  pickEntry,
  runCommand,
  screenshot,
  treeRow,
  typeInTerminal,
  untilReady,
  visit,
} from './lib/workbench.ts';

const folder = join(root, 'media', 'pictures');

await main(async () => {
  await buildAll();
  mkdirSync(folder, { recursive: true });
  const scene = await openScene('pictures');
  const browser = await openBrowser();
  try {
    const context = await browser.newContext({
      viewport: { width: 1200, height: 720 },
      colorScheme: 'light',
    });
    const page = await context.newPage();
    await openBranch(scene.heyvm, 'fix/temperature');
    await visit(page, scene.windowOn(scene.repository));
    await openView(page);
    await treeRow(page, 'fix/temperature').waitFor({ timeout: 60_000 });
    await runCommand(page, 'heyvm: Open Branch in Sandbox');
    await pickEntry(page, 'feature/oolong').waitFor({ timeout: 60_000 });
    await keep(page, 'open-branch');
    const opening = context.waitForEvent('page', { timeout: 120_000 });
    await pickEntry(page, 'feature/oolong').click();
    const inside = await opening;
    await untilReady(inside);
    await treeRow(page, 'feature/oolong').waitFor({ timeout: 60_000 });
    await openTerminal(inside);
    // What is typed before the shell reads it would be shown twice.
    await inside.waitForTimeout(3_000);
    for (const line of ['pwd', 'hostname', 'sh tea.sh green', 'git log --oneline -1'])
      await typeInTerminal(inside, line);
    await inside.waitForTimeout(1_500);
    await openView(inside);
    await treeRow(inside, 'feature/oolong').waitFor({ timeout: 60_000 });
    await keep(inside, 'terminal');
    await runCommand(page, 'heyvm: Doctor');
    const doctor = await webviewOf(page, 'heyvm: Doctor');
    await doctor.getByRole('status').filter({ hasText: 'backends' }).waitFor({ timeout: 60_000 });
    await keep(page, 'doctor');
  } finally {
    await browser.close();
    await scene.end();
  }
  return 0;
});

async function keep(page: Parameters<typeof screenshot>[0], name: string): Promise<void> {
  // Without the pointer there are no tooltips.
  await page.mouse.move(700, 600);
  await page.waitForTimeout(1_200);
  say(await screenshot(page, name, folder));
}
