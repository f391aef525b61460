// Takes the pictures of the README and of the walkthrough from the running product.
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
  runCommandAndPick,
  screenshot,
  treeRow,
  typeInTerminal,
  untilReady,
  visit,
} from './lib/workbench.ts';

const folder = join(root, 'media', 'pictures');

/** What somebody did on the branch. */
const steeped = [
  `sed -i '/black |/i \\  oolong) echo "3 minutes at 85 degrees" ;;' tea.sh`,
  'echo "Oolong likes three minutes." >oolong.md',
  'git add .',
  'git commit -qm "Steep oolong"',
].join('\n');

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
    await runCommand(page, 'heyvm: Add Sandboxes to an Agent');
    await pickEntry(page, '.mcp.json').waitFor({ timeout: 60_000 });
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Write' }).waitFor({ timeout: 60_000 });
    await keep(page, 'agents');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await scene.heyvm('exec', 'wt-feature-oolong', '--', 'sh', '-ec', steeped);
    await runCommandAndPick(page, 'heyvm: Show Changes', 'feature/oolong');
    await page.getByText('3 minutes').first().waitFor({ timeout: 60_000 });
    await runCommandAndPick(page, 'heyvm: Merge Back', 'feature/oolong');
    await page.getByText('Merge feature/oolong into main?').waitFor({ timeout: 60_000 });
    await keep(page, 'bring-back');
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
