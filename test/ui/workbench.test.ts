// A person's way through the product in VS Code's own interface, with a picture of each stop.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { openScene, type Scene } from '../../scripts/lib/scene.ts';
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
} from '../../scripts/lib/workbench.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { eventually } from '../support/eventually.ts';
import { themed } from './support/themes.ts';

for (const theme of ['light', 'dark', 'high-contrast'] as const) {
  describe(`in the workbench, ${theme}`, function () {
    this.timeout(600_000);
    let scene: Scene;
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    let inside: Page;

    before(async () => {
      scene = await openScene(`ui-${theme}`, { settings: themed(theme) });
      browser = await openBrowser();
      context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      page = await context.newPage();
      await visit(page, scene.windowOn(scene.repository));
    });

    afterEach(async function () {
      if (this.currentTest?.state !== 'failed') return;
      for (const [index, open] of context.pages().entries())
        await screenshot(open, `failed-ui-${theme}-${index}`);
    });

    after(async () => {
      await browser?.close();
      await scene?.end();
    });

    const keep = (shown: Page, name: string) => screenshot(shown, `${name}-${theme}`);
    const sandboxes = async (): Promise<SandboxInfo[]> => {
      const listed = await scene.heyvm('list', '--format', 'json');
      const parsed = JSON.parse(listed.stdout);
      return Array.isArray(parsed) ? parsed : parsed.sandboxes;
    };

    it('the view greets who has no sandbox yet', async () => {
      await openView(page);
      await page.getByText('Open Branch in Sandbox').first().waitFor({ timeout: 120_000 });
      await keep(page, '1-welcome');
    });

    it('Open Branch in Sandbox offers the branches of the repository', async () => {
      await runCommand(page, 'heyvm: Open Branch in Sandbox');
      await pickEntry(page, 'feature/oolong').waitFor({ timeout: 120_000 });
      await pickEntry(page, 'fix/temperature').waitFor();
      await keep(page, '2-branches');
    });

    it('the branch opens in a window of its own, and its sandbox runs', async () => {
      const opening = context.waitForEvent('page', { timeout: 120_000 });
      await pickEntry(page, 'feature/oolong').click();
      inside = await opening;
      await untilReady(inside);
      const [sandbox, ...more] = await sandboxes();
      assert.deepEqual(more, []);
      assert.equal(sandbox?.status, 'running');
      assert.equal(sandbox?.worktree?.branch, 'feature/oolong');
    });

    it('the sandbox stands in the tree of the first window', async () => {
      await openView(page);
      const row = treeRow(page, 'feature/oolong');
      await row.waitFor({ timeout: 120_000 });
      await eventually(async () => (await badgesOf(row)).includes('"C"'), {
        what: 'the badge of its boundary',
      });
      await keep(page, '3-tree');
    });

    it('the terminal of the new window is inside the sandbox', async () => {
      const [sandbox] = await sandboxes();
      assert.ok(sandbox?.worktree);
      const proof = join(sandbox.worktree.path, 'seen.txt');
      await openTerminal(inside);
      await eventually(
        async () => {
          await typeInTerminal(inside, 'pwd >s; id -un >>s; hostname >>s; mv s seen.txt; cat seen.txt');
          return await eventually(() => existsSync(proof), { withinMs: 3_000 });
        },
        { withinMs: 120_000, what: 'typing into the terminal' },
      );
      assert.deepEqual(readFileSync(proof, 'utf8').trim().split('\n'), ['/workspace', 'dev', sandbox.name]);
      await keep(inside, '4-terminal');
    });

    it('a sandbox that the command line makes appears by itself', async () => {
      const created = await scene.heyvm('create', '--name', 'from-elsewhere');
      assert.equal(created.code, 0, created.stderr);
      await treeRow(page, 'from-elsewhere').waitFor({ timeout: 120_000 });
    });

    it('Stop ends it, and the tree says so', async () => {
      await runCommandAndPick(page, 'heyvm: Stop', 'from-elsewhere');
      await eventually(async () => {
        const stopped = (await sandboxes()).find(({ name }) => name === 'from-elsewhere');
        return stopped?.status === 'stopped';
      });
      await eventually(async () =>
        (await treeRow(page, 'from-elsewhere').textContent())?.includes('stopped'),
      );
      await keep(page, '5-stopped');
    });

    it('closing every window leaves the sandbox running', async () => {
      for (const open of context.pages()) await open.close();
      const running = (await sandboxes()).find(({ worktree }) => worktree?.branch === 'feature/oolong');
      assert.equal(running?.status, 'running');
      const answer = await scene.heyvm('exec', running.id, '--', 'cat', 'seen.txt');
      assert.equal(answer.code, 0, answer.stderr);
    });
  });
}

/** What the editor draws at the end of a row is no text of the page. */
async function badgesOf(row: Locator): Promise<string[]> {
  return await row.evaluate(element =>
    [...element.querySelectorAll('*')].map(one => getComputedStyle(one, '::after').content),
  );
}
