// The debugger in a window on a worktree, with the editor's own debugger for JavaScript: the program runs in the sandbox.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { openBranch } from '../../scripts/lib/openBranch.ts';
import { openScene, type Scene } from '../../scripts/lib/scene.ts';
import {
  chooseOn,
  openTerminal,
  runCommand,
  runCommandAndPick,
  screenshot,
  untilReady,
  visit,
} from '../../scripts/lib/workbench.ts';
import { eventually } from '../support/eventually.ts';
import { themed } from './support/themes.ts';

const program = [
  "const { hostname } = require('node:os');",
  "const { writeFileSync } = require('node:fs');",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the program of the test has it.
  'const where = `${hostname()} ${process.cwd()} ${process.argv[2]} ${process.env.TEA}`;',
  "writeFileSync('before.txt', where);",
  "writeFileSync('after.txt', where);",
];
const STOP_AT = 'after.txt';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the editor fills this in.
const configurations = [
  {
    ...{ type: 'node', request: 'launch', name: 'Steep', skipFiles: ['<node_internals>/**'] },
    ...{ program: '${workspaceFolder}/app.js', args: ['green'], env: { TEA: 'oolong' } },
  },
  {
    type: 'node-terminal',
    request: 'launch',
    name: 'Elsewhere',
    command: 'touch ${workspaceFolder}/outside.txt',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the editor fills this in.

describe('debugging in a window on a worktree', function () {
  this.timeout(600_000);
  let scene: Scene;
  let browser: Browser;
  let context: BrowserContext;
  let inside: Page;
  let worktree: string;
  let name: string;

  before(async () => {
    scene = await openScene('debug', { settings: themed('dark') });
    const opened = await openBranch(scene.heyvm, 'feature/oolong');
    worktree = opened.worktree.path;
    name = opened.sandbox.name;
    writeFileSync(join(worktree, 'app.js'), `${program.join('\n')}\n`);
    mkdirSync(join(worktree, '.vscode'));
    writeFileSync(
      join(worktree, '.vscode', 'launch.json'),
      JSON.stringify({ version: '0.2.0', configurations }),
    );
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await visit(page, scene.windowOn(scene.repository));
    const opening = context.waitForEvent('page', { timeout: 120_000 });
    await chooseOn(page, 'feature/oolong', 'Open in New Window');
    inside = await opening;
    await untilReady(inside);
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await screenshot(inside, 'failed-debug');
  });

  after(async () => {
    await browser?.close();
    await scene?.end();
  });

  const read = (file: string) =>
    existsSync(join(worktree, file)) ? readFileSync(join(worktree, file), 'utf8') : undefined;

  /** Again when a terminal that opens meanwhile took the focus, without which the command does nothing. */
  async function setBreakpoint(): Promise<void> {
    const line = inside.locator('.monaco-editor .view-line', { hasText: STOP_AT }).first();
    const shown = inside.locator('.codicon-debug-breakpoint').first();
    await eventually(
      async () => {
        if (await shown.isVisible()) return true;
        await line.click({ timeout: 120_000 });
        await runCommand(inside, 'Debug: Toggle Breakpoint');
        await shown.waitFor({ timeout: 5_000 });
        return true;
      },
      { withinMs: 180_000, what: 'the breakpoint' },
    );
  }

  const begin = (configuration: string) =>
    runCommandAndPick(inside, 'Debug: Select and Start Debugging', configuration);

  it('stops a program at a breakpoint inside the sandbox', async () => {
    await inside.getByRole('treeitem', { name: 'app.js' }).first().dblclick();
    await setBreakpoint();
    await begin('Steep');
    await inside.locator('.debug-top-stack-frame-line').first().waitFor({ timeout: 120_000 });
    assert.equal(read('before.txt'), `${name} /workspace green oolong`);
    assert.equal(read('after.txt'), undefined);
    await screenshot(inside, 'debug-1-breakpoint');
  });

  it('goes on and ends with the program', async () => {
    await runCommand(inside, 'Debug: Continue');
    await eventually(() => read('after.txt') !== undefined, {
      withinMs: 120_000,
      what: 'the rest of the program',
    });
    await inside.locator('.debug-toolbar').waitFor({ state: 'hidden', timeout: 120_000 });
  });

  async function askedAbout(configuration: string): Promise<Locator> {
    await begin(configuration);
    const dialog = inside.getByRole('dialog');
    await dialog
      .getByText('Debug on this machine instead of inside feature/oolong?')
      .waitFor({ timeout: 120_000 });
    return dialog;
  }

  it('asks before a program of another debugger runs on this machine, and the first answer runs nothing', async () => {
    const terminals = () => inside.locator('.terminal-wrapper').count();
    const before = await terminals();
    const dialog = await askedAbout('Elsewhere');
    await dialog.getByText('none of the type node-terminal').first().waitFor();
    await screenshot(inside, 'debug-2-asks');
    await inside.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await eventually(async () => (await terminals()) > before, {
      withinMs: 120_000,
      what: 'a terminal inside',
    });
    await openTerminal(inside);
    assert.equal(read('outside.txt'), undefined);
  });

  it('runs it on this machine when that is the answer', async () => {
    const dialog = await askedAbout('Elsewhere');
    assert.equal(read('outside.txt'), undefined);
    await dialog.getByRole('button', { name: 'Run on This Machine' }).click();
    await eventually(() => read('outside.txt') !== undefined, { withinMs: 120_000, what: 'its file' });
  });
});
