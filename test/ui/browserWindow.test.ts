// Open in Browser in VS Code's own interface: the editor's server comes from a vendor of this machine and runs inside.
import { strict as assert } from 'node:assert';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { openBranch } from '../../scripts/lib/openBranch.ts';
import { openScene, type Scene } from '../../scripts/lib/scene.ts';
import { ensureServerArchive } from '../../scripts/lib/vscodeArchive.ts';
import { ensureVscodeServer } from '../../scripts/lib/vscodeServer.ts';
import {
  chooseOn,
  openView,
  runCommand,
  screenshot,
  treeRow,
  untilReady,
  visit,
} from '../../scripts/lib/workbench.ts';
import { startVendor, type Vendor } from '../support/editorVendor.ts';
import { eventually } from '../support/eventually.ts';

const TERMS = 'Do you accept the licence terms';

describe('the editor in a browser', function () {
  this.timeout(600_000);
  let scene: Scene;
  let vendor: Vendor;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let address: URL;

  before(async () => {
    vendor = await startVendor(await ensureServerArchive(await ensureVscodeServer()));
    scene = await openScene('browser', {
      product: {
        updateUrl: vendor.origin,
        serverApplicationName: 'code-server',
        serverLicenseUrl: `${vendor.origin}/terms`,
      },
    });
    await openBranch(scene.heyvm, 'feature/oolong');
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    await visit(page, scene.windowOn(scene.repository));
    await openView(page);
    // What a backend can do, and so what its menu offers, is known a moment later than the sandbox.
    await treeRow(page, 'feature/oolong').getByText('(container)').waitFor({ timeout: 120_000 });
  });

  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    for (const [index, open] of context.pages().entries()) await screenshot(open, `failed-browser-${index}`);
  });

  after(async () => {
    await browser?.close();
    await scene?.end();
    await vendor?.close();
  });

  const dialog = () => page.getByRole('dialog');
  const open = () => chooseOn(page, 'feature/oolong', 'Open in Browser');

  /** One that is made before the editor has begun to watch the folder is not shown. */
  async function seesNewFiles(inside: Page): Promise<void> {
    const shown = inside.getByRole('treeitem', { name: /made-inside/ }).first();
    let count = 0;
    await eventually(
      async () => {
        const path = `/workspace/made-inside-${count++}.txt`;
        const made = await scene.heyvm('exec', 'wt-feature-oolong', '--', 'touch', path);
        assert.equal(made.code, 0, made.stderr);
        await shown.waitFor({ timeout: 5_000 });
        return true;
      },
      { withinMs: 120_000, what: 'a file that was made inside, in the editor' },
    );
  }

  it('asks for the licence first, and does nothing without it', async () => {
    await open();
    await dialog().getByText(TERMS).waitFor({ timeout: 120_000 });
    await dialog().getByText(`${vendor.origin}/terms`).first().waitFor();
    await screenshot(page, 'browser-1-licence');
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await dialog().waitFor({ state: 'detached' });
    assert.deepEqual(vendor.asked, []);
  });

  it('shows what it does, and stops when it is cancelled', async () => {
    vendor.hold(true);
    await open();
    await dialog().getByRole('button', { name: 'Accept' }).click();
    await eventually(() => vendor.asked.some(path => path.startsWith('/archive')), {
      withinMs: 120_000,
      what: 'the download to begin',
    });
    await runCommand(page, 'Notifications: Show Notifications');
    const shown = page.locator('.notifications-center .notification-list-item', {
      hasText: 'Opening feature/oolong in the browser',
    });
    await shown.getByText('the server of the editor').first().waitFor({ timeout: 120_000 });
    await screenshot(page, 'browser-2-progress');
    await shown.getByRole('button', { name: 'Cancel' }).click();
    await shown.waitFor({ state: 'detached', timeout: 120_000 });
    assert.equal(context.pages().length, 1);
    vendor.hold(false);
  });

  it('opens the workbench of the sandbox, with the files of its worktree, and asks nothing again', async () => {
    const opening = context.waitForEvent('page', { timeout: 180_000 });
    await open();
    const inside = await opening;
    await untilReady(inside);
    await inside.getByRole('treeitem', { name: 'tea.sh' }).first().waitFor({ timeout: 120_000 });
    address = new URL(inside.url());
    assert.equal(address.hostname, '127.0.0.1');
    assert.equal(address.searchParams.get('folder'), '/workspace');
    await seesNewFiles(inside);
    await screenshot(inside, 'browser-3-inside');
    await inside.close();
  });

  it('lets nobody in without the token', async () => {
    assert.equal((await fetch(`${address.origin}/?folder=/workspace`)).status, 403);
  });

  it('shows the page in the tree, which opens it again as it is', async () => {
    await treeRow(page, 'feature/oolong').locator('.monaco-tl-twistie').click();
    const row = treeRow(page, 'Editor in Browser');
    await row.waitFor({ timeout: 120_000 });
    await screenshot(page, 'browser-4-tree');
    await row.hover();
    const opening = context.waitForEvent('page', { timeout: 120_000 });
    await row.locator('[aria-label="Open in Browser"]').click();
    const inside = await opening;
    await untilReady(inside);
    assert.equal(new URL(inside.url()).origin, address.origin);
    await inside.close();
  });

  it('ends with the sandbox, and comes back at another start', async () => {
    const stopped = await scene.heyvm('stop', 'wt-feature-oolong');
    assert.equal(stopped.code, 0, stopped.stderr);
    await eventually(() => refuses(address.origin), { withinMs: 120_000, what: 'the port to be given back' });
    const opening = context.waitForEvent('page', { timeout: 180_000 });
    await open();
    await untilReady(await opening);
  });
});

async function refuses(origin: string): Promise<boolean> {
  return await fetch(origin).then(
    () => false,
    (error: Error & { cause?: { code?: string } }) => error.cause?.code === 'ECONNREFUSED',
  );
}
