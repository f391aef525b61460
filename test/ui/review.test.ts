// Reviewing a branch and bringing it back in VS Code's own interface, in three themes, with a picture of each stop.
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { command } from '../../scripts/lib/command.ts';
import { openBranch } from '../../scripts/lib/openBranch.ts';
import { openScene, type Scene } from '../../scripts/lib/scene.ts';
import {
  chooseOn,
  openView,
  pickEntry,
  runCommand,
  runCommandAndPick,
  screenshot,
  treeRow,
  visit,
} from '../../scripts/lib/workbench.ts';
import { freePort } from '../support/freePort.ts';
import { themed } from './support/themes.ts';

const changed = [
  'sed -i "s/2 minutes/3 minutes/" tea.sh; git commit -qam "Steep green longer"',
  'echo "  oolong) echo 5 minutes ;;" >> tea.sh; echo "# Oolong" > oolong.md; printf "\\0\\1" > leaf.png',
].join('; ');

for (const theme of ['light', 'dark', 'high-contrast'] as const) {
  describe(`reviewing in the workbench, ${theme}`, function () {
    this.timeout(600_000);
    let scene: Scene;
    let browser: Browser;
    let page: Page;
    /** Inside and here, because a forward takes the same number where that is free. */
    let port: number;

    before(async () => {
      scene = await openScene(`review-${theme}`, { settings: themed(theme) });
      for (const branch of ['feature/oolong', 'fix/temperature']) await openBranch(scene.heyvm, branch);
      port = await freePort();
      const made = await scene.heyvm('exec', 'wt-feature-oolong', '--', 'sh', '-ec', changed);
      assert.equal(made.code, 0, made.stderr);
      browser = await openBrowser();
      page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      await visit(page, scene.windowOn(scene.repository));
    });

    afterEach(async function () {
      if (this.currentTest?.state === 'failed') await screenshot(page, `failed-review-${theme}`);
    });

    after(async () => {
      await browser?.close();
      await scene?.end();
    });

    const keep = (name: string) => screenshot(page, `${name}-${theme}`);

    it('the tree shows how far each branch has come, and what listens inside', async () => {
      void scene.heyvm('exec', 'wt-feature-oolong', '--', 'python3', '-m', 'http.server', String(port));
      await openView(page);
      const row = treeRow(page, 'feature/oolong');
      await row.waitFor({ timeout: 120_000 });
      await row.getByText('↑1 ●3').waitFor({ timeout: 120_000 });
      await row.locator('.monaco-tl-twistie').click();
      await treeRow(page, `Port ${port}`).waitFor({ timeout: 120_000 });
      await keep('review-1-tree');
    });

    it('a port is forwarded with one click', async () => {
      const row = treeRow(page, `Port ${port}`);
      await row.hover();
      await row.locator('[aria-label="Forward Port…"]').click();
      await page.getByText(`is at 127.0.0.1:${port}`).first().waitFor({ timeout: 120_000 });
      await row.getByText(`127.0.0.1:${port}`).waitFor({ timeout: 120_000 });
      await keep('review-2-forward');
      const answer = await fetch(`http://127.0.0.1:${port}/oolong.md`);
      assert.equal(await answer.text(), '# Oolong\n');
    });

    it('Compare Branches counts what each changed', async () => {
      await runCommand(page, 'heyvm: Compare Branches');
      await page.getByText('3 files, ').waitFor({ timeout: 120_000 });
      await page.getByText('no changes').waitFor({ timeout: 120_000 });
      await keep('review-3-compare');
    });

    it('the changes of a branch open in one editor', async () => {
      await pickEntry(page, 'feature/oolong').click();
      await page.getByText('Changes of feature/oolong').first().waitFor({ timeout: 120_000 });
      await page.getByText('3 minutes').first().waitFor({ timeout: 120_000 });
      await keep('review-4-changes');
    });

    it('Merge Back says what will be merged where', async () => {
      await runCommandAndPick(page, 'heyvm: Merge Back', 'feature/oolong');
      await page.getByText('Merge feature/oolong into main?').waitFor({ timeout: 120_000 });
      await page.getByText('1 commit of feature/oolong will be merged into main').waitFor();
      await keep('review-5-merge');
      await page.getByRole('button', { name: 'Cancel' }).click();
    });

    const choose = (command: string) => chooseOn(page, 'feature/oolong', command);
    const dialog = (): Locator => page.getByRole('dialog');
    /** What a screen reader is told at once. */
    const told = async (text: string): Promise<void> =>
      await page.getByText(text).first().waitFor({ timeout: 120_000 });
    const worktree = () => join(scene.repository, '..', 'feature-oolong');

    async function mergeBack(): Promise<void> {
      await choose('Merge Back…');
      await dialog().getByRole('button', { name: 'Merge', exact: true }).click();
      await told('was merged into main');
      // An editor that tests drive shows no notification by itself.
      await runCommand(page, 'Notifications: Show Notifications');
      const center = page.locator('.notifications-center');
      await center.getByText('Remove Sandbox and Worktree').first().click({ timeout: 120_000 });
    }

    async function dismiss(): Promise<void> {
      await runCommand(page, 'Notifications: Clear All Notifications');
    }

    it('Cherry-Pick takes one commit over', async () => {
      await choose('Cherry-Pick…');
      const entry = pickEntry(page, 'Steep green longer');
      await entry.waitFor({ timeout: 120_000 });
      await entry.click();
      await keep('review-6-pick');
      await page.locator('.quick-input-widget').getByRole('button', { name: 'OK' }).click();
      await dialog().getByText('Pick 1 commit of feature/oolong onto main?').waitFor();
      await dialog().getByRole('button', { name: 'Pick', exact: true }).click();
      await told('1 commit of feature/oolong is on main now');
      assert.equal(await lastOfMain(), 'Steep green longer');
      await dismiss();
    });

    it('Merge Back merges, and removes nothing that would be lost', async () => {
      await mergeBack();
      await told('has work that would be lost');
      await keep('review-7-refused');
      assert.ok(existsSync(join(worktree(), 'oolong.md')));
      await dismiss();
    });

    it('Clean Up asks once, and refuses while a commit is nowhere else', async () => {
      const done = await scene.heyvm(
        'exec',
        'wt-feature-oolong',
        '--',
        'sh',
        '-ec',
        'git add .; git commit -qm Oolong',
      );
      assert.equal(done.code, 0, done.stderr);
      await choose('Clean Up…');
      await dialog().getByText('Clean up after feature/oolong?').waitFor();
      await keep('review-8-clean-up');
      await dialog().getByRole('button', { name: 'Clean Up', exact: true }).click();
      await told('has work that would be lost');
      assert.ok(existsSync(worktree()));
      await dismiss();
    });

    it('Merge Back merges the rest, and removes sandbox and worktree', async () => {
      await mergeBack();
      await treeRow(page, 'feature/oolong').waitFor({ state: 'detached', timeout: 120_000 });
      assert.ok(!existsSync(worktree()));
      assert.ok(existsSync(join(scene.repository, 'oolong.md')));
      await keep('review-9-merged');
    });

    async function lastOfMain(): Promise<string> {
      const told = await command(['git', 'log', '-1', '--format=%s', 'main'], {
        cwd: scene.repository,
        env: scene.env,
      });
      return told.trim();
    }
  });
}
