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
  openView,
  runCommand,
  runCommandAndPick,
  screenshot,
  treeRow,
  typeInTerminal,
  untilReady,
  visit,
} from '../../scripts/lib/workbench.ts';
import { eventually } from '../support/eventually.ts';
import { themed } from './support/themes.ts';

const program = [
  "const { hostname } = require('node:os');",
  "const { appendFileSync, writeFileSync } = require('node:fs');",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the program of the test has it.
  'appendFileSync("starts.txt", `${process.pid} `);',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the program of the test has it.
  'const where = `${hostname()} ${process.cwd()} ${process.argv[2]} ${process.env.TEA}`;',
  "writeFileSync('before.txt', where);",
  "writeFileSync('after.txt', where);",
];
const STOP_AT = 'after.txt';

/** Reads a line of its terminal, and goes on until it is ended. */
const asking = `
const { appendFileSync } = require('node:fs');
appendFileSync('asked.txt', 'tty: ' + process.stdin.isTTY + ' ');
process.stdin.on('data', line => appendFileSync('asked.txt', String(line).trim()));
`;

const tasks = [
  { label: 'Warm', type: 'shell', command: 'hostname > warm.txt; pwd >> warm.txt', problemMatcher: [] },
];

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the editor fills this in.
const configurations = [
  {
    ...{ type: 'node', request: 'launch', name: 'Steep', skipFiles: ['<node_internals>/**'] },
    ...{ program: '${workspaceFolder}/app.js', args: ['green'], env: { TEA: 'oolong' } },
    preLaunchTask: 'Warm',
  },
  {
    ...{ type: 'node', request: 'launch', name: 'Ask', console: 'integratedTerminal' },
    program: '${workspaceFolder}/ask.js',
  },
  {
    ...{ type: 'node', request: 'launch', name: 'Spilt', debugServer: 1 },
    program: '${workspaceFolder}/app.js',
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
    writeFileSync(join(worktree, 'ask.js'), asking);
    mkdirSync(join(worktree, '.vscode'));
    writeFileSync(
      join(worktree, '.vscode', 'launch.json'),
      JSON.stringify({ version: '0.2.0', configurations }),
    );
    writeFileSync(join(worktree, '.vscode', 'tasks.json'), JSON.stringify({ version: '2.0.0', tasks }));
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await visit(page, scene.windowOn(scene.repository));
    const opening = context.waitForEvent('page', { timeout: 120_000 });
    await chooseOn(page, 'feature/oolong', 'Open in New Window');
    inside = await opening;
    await untilReady(inside);
    // The window opens a terminal, which would take the focus from whatever else is in use.
    await openTerminal(inside);
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

  /** Again when the command came before the editor had the focus, without which it does nothing. */
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

  const starts = () => read('starts.txt')?.trim().split(' ').length ?? 0;

  async function untilStopped(): Promise<void> {
    await inside.locator('.debug-top-stack-frame-line').first().waitFor({ timeout: 120_000 });
  }

  async function untilOver(): Promise<void> {
    await inside.locator('.debug-toolbar').waitFor({ state: 'hidden', timeout: 120_000 });
  }

  it('stops a program at a breakpoint inside the sandbox', async () => {
    await inside.getByRole('treeitem', { name: 'app.js' }).first().dblclick();
    await setBreakpoint();
    await begin('Steep');
    await untilStopped();
    assert.equal(read('before.txt'), `${name} /workspace green oolong`);
    assert.equal(read('after.txt'), undefined);
    await screenshot(inside, 'debug-1-breakpoint');
  });

  it('ran the task before it inside as well', () => {
    assert.equal(read('warm.txt'), `${name}\n/workspace\n`);
  });

  it('restarts it, and the program before did not go on', async () => {
    await runCommand(inside, 'Debug: Restart');
    await eventually(() => starts() === 2, { withinMs: 120_000, what: 'the second start' });
    await untilStopped();
    assert.equal(read('after.txt'), undefined);
  });

  it('goes on and ends with the program', async () => {
    await runCommand(inside, 'Debug: Continue');
    await eventually(() => read('after.txt') !== undefined, {
      withinMs: 120_000,
      what: 'the rest of the program',
    });
    await untilOver();
  });

  it('runs without a debugger inside as well', async () => {
    await runCommand(inside, 'Debug: Start Without Debugging');
    await eventually(() => starts() === 3, { withinMs: 120_000, what: 'the third start' });
    await untilOver();
  });

  it('gives a program a terminal, and ends it when the person leaves', async () => {
    await begin('Ask');
    await eventually(() => read('asked.txt') === 'tty: true ', { withinMs: 120_000, what: 'its terminal' });
    await typeInTerminal(inside, 'milk');
    await eventually(() => read('asked.txt') === 'tty: true milk', { withinMs: 120_000, what: 'the answer' });
    await runCommand(inside, 'Debug: Disconnect');
    await untilOver();
    await eventually(async () => !(await processesInside()).includes('ask.js'), {
      withinMs: 60_000,
      what: 'the end of the program',
    });
  });

  it('keeps nothing of a launch whose debugger does not start, nor of those before', async () => {
    await begin('Spilt');
    const dialog = inside.getByRole('dialog');
    await dialog.getByText('ECONNREFUSED').first().waitFor({ timeout: 120_000 });
    await inside.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await openView(inside);
    await treeRow(inside, 'feature/oolong').locator('.monaco-tl-twistie').click();
    await eventually(
      async () => {
        await inside.locator('.sidebar .title-actions [aria-label="Refresh"]').click({ timeout: 5_000 });
        await treeRow(inside, 'No program listens on a port yet').waitFor({ timeout: 5_000 });
        return true;
      },
      { withinMs: 60_000, what: 'the end of its program and of what led to it' },
    );
    assert.ok(!(await processesInside()).includes('inspect-brk'));
    assert.equal(starts(), 3);
  });

  async function processesInside(): Promise<string> {
    const line = 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; done';
    return (await scene.heyvm('exec', name, '--', 'sh', '-c', line)).stdout;
  }

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
