// What a person does in VS Code's workbench, as steps on its page.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { artifacts } from './places.ts';

const PATIENCE = 120_000;

/** For a step that is tried again. */
const ONE_TRY = 20_000;

/** A machine that does much else takes long to load a page of this size. */
const LOADING = 120_000;

/** Opens an address of a window and waits until it can be used. */
export async function visit(page: Page, address: string): Promise<void> {
  await page.goto(address, { waitUntil: 'commit', timeout: LOADING });
  await page.waitForSelector('.explorer-folders-view .monaco-list-row', { timeout: LOADING });
}

/** The files of the folder are shown, so the editor is ready to be used. */
export async function untilReady(page: Page): Promise<void> {
  await page.waitForSelector('.explorer-folders-view .monaco-list-row', { timeout: PATIENCE });
}

/** By its title in the palette; the first entry that has it. Whatever takes the focus meanwhile closes the palette. */
export async function runCommand(page: Page, title: string): Promise<void> {
  await persist(async () => {
    await page.keyboard.press('F1');
    // What is typed before the box has the focus would end up in an editor.
    await page.locator('.quick-input-box input').fill(`>${title}`, { timeout: ONE_TRY });
    await pickEntry(page, title).click({ timeout: ONE_TRY });
  });
}

/** Runs a command that asks for one of several entries, and picks it. */
export async function runCommandAndPick(page: Page, title: string, entry: string): Promise<void> {
  await persist(async () => {
    await runCommand(page, title);
    await pickEntry(page, entry).click({ timeout: ONE_TRY });
  });
}

/** Again from the start when one of the steps was lost to something that came up in the window. */
async function persist(steps: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await steps();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** The entry of an open quick pick that has this text. */
export function pickEntry(page: Page, text: string): Locator {
  return page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
}

/** Clicks again when nothing happens: a window that still restores its state loses clicks. */
export async function openView(page: Page): Promise<void> {
  const view = page.locator('[id="workbench.view.extension.heyvm"]');
  const deadline = Date.now() + PATIENCE;
  while (!(await view.isVisible())) {
    await page.click('.activitybar [aria-label^="heyvm"]', { timeout: PATIENCE });
    await view.waitFor({ timeout: 3_000 }).catch(error => {
      if (Date.now() > deadline) throw error;
    });
  }
}

/** The row of a sandbox in our view. */
export function treeRow(page: Page, text: string): Locator {
  return page.locator('[id="workbench.view.extension.heyvm"] .monaco-list-row', { hasText: text }).first();
}

/** From the menu of a row of our view, which takes no click in the moment in which it opens. */
export async function chooseOn(page: Page, row: string, command: string): Promise<void> {
  await openView(page);
  await treeRow(page, row).click({ button: 'right' });
  const item = page.getByRole('menuitem', { name: command });
  await item.waitFor({ timeout: PATIENCE });
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      if (await item.isVisible()) await item.click({ timeout: 5_000 });
      await item.waitFor({ state: 'detached', timeout: 1_000 });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** The screen of the terminal that is in front. */
export async function openTerminal(page: Page): Promise<void> {
  await page.waitForSelector('.terminal-wrapper.active .xterm-screen', { timeout: PATIENCE });
}

export async function typeInTerminal(page: Page, line: string): Promise<void> {
  await page.click('.terminal-wrapper.active .xterm-screen');
  await page.keyboard.type(`${line}\n`);
}

export async function screenshot(
  page: Page,
  name: string,
  folder = join(artifacts, 'screenshots'),
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  return path;
}
