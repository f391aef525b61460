// The doctor's page in VS Code's own interface: what it shows, what its buttons do, and whether everybody can use it.
import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Frame, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { openScene, type Scene } from '../../scripts/lib/scene.ts';
import { webviewOf } from '../../scripts/lib/webview.ts';
import { openView, runCommand, screenshot, visit } from '../../scripts/lib/workbench.ts';
import { assertAccessible } from './support/accessibility.ts';
import { themed, themeNames } from './support/themes.ts';

const TITLE = 'heyvm: Doctor';
/** Looks like markup, and is the name of a setting. */
const planted = '<img src=x onerror=alert(1)>';

describe('the doctor in the workbench', function () {
  this.timeout(600_000);
  let scene: Scene;
  let browser: Browser;
  let page: Page;
  let doctor: Frame;
  const complaints: string[] = [];

  before(async () => {
    scene = await openScene('doctor', {
      settings: { ...themed('dark'), 'remote.SSH.enableDynamicForwarding': false },
      extensions: {
        'heyvm-test.remote-ssh-settings-1.0.0': join(import.meta.dirname, 'fixtures', 'remoteSshSettings'),
      },
    });
    writeFileSync(join(scene.home, 'settings.json'), JSON.stringify({ [planted]: 1 }));
    const broken = join(scene.home, 'sandboxes', 'sb-0badc0de');
    mkdirSync(broken, { recursive: true, mode: 0o700 });
    writeFileSync(join(broken, 'sandbox.yaml'), '{ not a record');
    browser = await openBrowser();
    page = await openWindow();
    doctor = await shownDoctor();
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await screenshot(page, 'failed-doctor');
  });

  after(async () => {
    await browser?.close();
    await scene?.end();
  });

  async function openWindow(): Promise<Page> {
    const opened = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
    opened.on('console', message => {
      if (
        /content security policy/i.test(message.text()) &&
        /doctor\.(js|css)|vscode-webview/.test(message.text())
      )
        complaints.push(message.text());
    });
    await visit(opened, scene.windowOn(scene.repository));
    await openView(opened);
    return opened;
  }

  /** A page that was hidden is made anew when it is shown. */
  async function shownDoctor(): Promise<Frame> {
    await runCommand(page, TITLE);
    const frame = await webviewOf(page, TITLE);
    await settled(frame);
    return frame;
  }

  const settled = (frame: Frame) =>
    frame.getByRole('status').filter({ hasText: 'backends' }).waitFor({ timeout: 120_000 });
  const row = (title: string) => doctor.locator('.rows > li', { hasText: title });

  it('shows each backend with its boundary, its state, and what mends it where that is known', async () => {
    const listed = await scene.heyvm('backends', '--format', 'json');
    const backends = JSON.parse(listed.stdout) as { title: string }[];
    assert.ok(backends.length > 2);
    for (const { title } of backends) {
      const found = row(title).first();
      assert.match((await found.locator('.badge').textContent()) ?? '', / boundary$/, title);
      assert.match((await found.locator('.state').textContent()) ?? '', /^(In order|Not available|Broken)$/);
    }
  });

  it('shows problems of the store one by one, and takes none of them for markup', async () => {
    await row(planted).getByText(planted, { exact: false }).first().waitFor();
    await row('sb-0badc0de').first().waitFor();
    assert.equal(await doctor.locator('img').count(), 0);
    await row('sandbox.yaml')
      .getByRole('button', { name: /^Show File/ })
      .first()
      .click();
    await page.getByText('not a record').first().waitFor({ timeout: 120_000 });
    doctor = await shownDoctor();
  });

  it('changes a setting that is in the way, and looks again', async () => {
    const setting = row('remote.SSH.enableDynamicForwarding');
    await setting.getByText('every window needs a second connection').waitFor();
    await setting.getByRole('button', { name: /^Switch It On/ }).click();
    await setting.waitFor({ state: 'detached', timeout: 120_000 });
  });

  it('copies what mends a thing', async () => {
    await row('OpenSSH configuration').getByRole('button', { name: /^Copy/ }).click();
    await page.getByText('Copied: heyvm ssh-config --install').first().waitFor({ timeout: 120_000 });
  });

  it('tests a backend in a terminal, and looks again when that is done', async () => {
    // Every look makes the rows anew.
    await doctor.evaluate(() => document.querySelector('.rows')?.setAttribute('id', 'before'));
    await doctor.getByRole('button', { name: /^Test It: bubblewrap/ }).click();
    await page.getByText('heyvm test-backend bubblewrap').first().waitFor({ timeout: 120_000 });
    await doctor.locator('#before').waitFor({ state: 'detached', timeout: 120_000 });
    await settled(doctor);
  });

  it('is used with the keyboard, and keeps the focus where it was', async () => {
    const look = doctor.getByRole('button', { name: 'Look Again' });
    await look.focus();
    await page.keyboard.press('Tab');
    const next = await doctor.evaluate(() => document.activeElement?.id ?? '');
    assert.match(next, /^(copy|mend)_/);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await doctor
      .locator('progress')
      .waitFor({ timeout: 10_000 })
      .catch(() => {
        // A look may be over before it can be seen.
      });
    await settled(doctor);
    assert.equal(await doctor.evaluate(() => document.activeElement?.id), 'look');
  });

  it('lets in no script, style or resource but its own', async () => {
    const policy = await doctor.locator('meta[http-equiv]').getAttribute('content');
    assert.match(policy ?? '', /^default-src 'none'; script-src 'nonce-[\w-]+'; style-src 'nonce-[\w-]+';/);
    const inline = await doctor.evaluate(
      () =>
        [...document.querySelectorAll('main *')].filter(one =>
          one.getAttributeNames().some(name => /^on|^style$/.test(name)),
        ).length,
    );
    assert.equal(inline, 0);
    assert.deepEqual(complaints, []);
  });

  for (const theme of themeNames) {
    it(`can be read by everybody in ${theme}`, async () => {
      await page.close();
      scene.set({ ...themed(theme), 'remote.SSH.enableRemoteCommand': true });
      page = await openWindow();
      doctor = await shownDoctor();
      assert.equal(await doctor.locator('body').getAttribute('data-vscode-theme-kind'), `vscode-${theme}`);
      await screenshot(page, `doctor-${theme}`);
      await assertAccessible(doctor, theme);
    });
  }
});
