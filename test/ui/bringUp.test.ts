// Bring Up Project in VS Code's own interface: what the file of a repository asks for is asked of the person first.
import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { openScene, type Scene } from '../../scripts/lib/scene.ts';
import { openView, runCommand, screenshot, treeRow, visit } from '../../scripts/lib/workbench.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { eventually } from '../support/eventually.ts';
import { themed } from './support/themes.ts';

const COMMAND = 'heyvm: Bring Up Project';

describe('bringing up a project in the workbench', function () {
  this.timeout(600_000);
  let scene: Scene;
  let browser: Browser;
  let page: Page;
  let shared: string;

  before(async () => {
    scene = await openScene('bring-up', { settings: themed('high-contrast') });
    shared = join(scene.folder, 'shared');
    mkdirSync(shared);
    write(['backend: bubblewrap', 'network: open', 'mounts:', `  - { source: ${shared}, target: /shared }`]);
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await visit(page, scene.windowOn(scene.repository));
    await openView(page);
    await page.getByText('Open Branch in Sandbox').first().waitFor({ timeout: 120_000 });
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await screenshot(page, 'failed-bring-up');
  });

  after(async () => {
    await browser?.close();
    await scene?.end();
  });

  function write(lines: readonly string[]): void {
    mkdirSync(join(scene.repository, '.heyvm'), { recursive: true });
    writeFileSync(join(scene.repository, '.heyvm', 'sandbox.yaml'), `${lines.join('\n')}\n`);
  }
  const sandboxes = async (): Promise<SandboxInfo[]> => {
    const parsed = JSON.parse((await scene.heyvm('list', '--format', 'json')).stdout);
    return Array.isArray(parsed) ? parsed : parsed.sandboxes;
  };
  const dialog = () => page.getByRole('dialog');
  const question = async () => {
    await runCommand(page, COMMAND);
    await dialog().getByText('asks for more than a branch may have').waitFor({ timeout: 120_000 });
  };

  it('says each thing that the file asks for, and makes nothing when the person turns away', async () => {
    await question();
    const said = (await dialog().textContent()) ?? '';
    assert.ok(said.includes(join(scene.repository, '.heyvm', 'sandbox.yaml')), said);
    assert.match(said, /network: open|network open/);
    assert.ok(said.includes(shared), said);
    await screenshot(page, 'bring-up-trust-high-contrast');
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await dialog().waitFor({ state: 'detached' });
    assert.deepEqual(await sandboxes(), []);
  });

  it('gives what was agreed to, and nothing else', async () => {
    await question();
    await dialog().getByRole('button', { name: 'Give It That' }).click();
    const made = await eventually(
      async () => (await sandboxes()).find(({ status }) => status === 'running'),
      {
        withinMs: 120_000,
        what: 'the sandbox of the project',
      },
    );
    assert.equal(made.policy.network, 'open');
    await treeRow(page, made.name).getByText('open network').waitFor({ timeout: 120_000 });
    writeFileSync(join(shared, 'seen.txt'), 'shared\n');
    assert.equal((await scene.heyvm('exec', made.id, '--', 'cat', '/shared/seen.txt')).stdout, 'shared\n');
  });

  it('asks nothing of a file that weakens nothing', async () => {
    const [made] = await sandboxes();
    assert.ok(made);
    assert.equal((await scene.heyvm('rm', '--force', '--yes', made.id)).code, 0);
    write(['backend: bubblewrap']);
    await runCommand(page, COMMAND);
    const next = await eventually(
      async () => (await sandboxes()).find(({ status }) => status === 'running'),
      {
        withinMs: 120_000,
        what: 'the sandbox without a question',
      },
    );
    assert.equal(next.policy.network, 'none');
    assert.equal(await dialog().count(), 0);
  });

  /** As a page or a program has the editor follow it. */
  async function follow(link: string): Promise<void> {
    await runCommand(page, 'Developer: Open URL');
    await page.locator('.quick-input-box input').fill(link);
    await page.keyboard.press('Enter');
    // The editor asks before anything of ours hears of it.
    await dialog().getByRole('button', { name: 'Open' }).click({ timeout: 120_000 });
  }
  const link = (branch: string) =>
    `code-oss://heyvm.heyvm/open?${new URLSearchParams({ repo: scene.repository, branch })}`;

  it('asks before it follows a link, and makes nothing when the person turns away', async () => {
    const before = (await sandboxes()).length;
    await follow(link('feature/linked'));
    await dialog().getByText('Open this branch in a sandbox?').waitFor({ timeout: 120_000 });
    const said = (await dialog().textContent()) ?? '';
    assert.ok(said.includes('feature/linked') && said.includes(scene.repository), said);
    await screenshot(page, 'bring-up-link-high-contrast');
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await dialog().waitFor({ state: 'detached' });
    assert.equal((await sandboxes()).length, before);
  });
});
