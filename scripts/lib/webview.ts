// Finds the page that an extension shows inside the workbench, which is a frame in a frame.
import type { Frame, Page } from 'playwright-core';

const PATIENCE = 120_000;

/** The frame whose document has this title, once it is there. */
export async function webviewOf(page: Page, title: string): Promise<Frame> {
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline) {
    for (const frame of page.frames()) if ((await titleOf(frame)) === title) return frame;
    await page.waitForTimeout(100);
  }
  throw new Error(`no page in the workbench is called ${title}`);
}

/** A frame that goes away while it is asked has none. */
async function titleOf(frame: Frame): Promise<string | undefined> {
  return await frame.title().catch(() => undefined);
}
