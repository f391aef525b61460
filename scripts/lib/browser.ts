// A headless Chromium for driving VS Code's workbench, installed when it is missing.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { ensurePrograms } from './apt.ts';
import { which } from './command.ts';
import { Stop } from './say.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type BrowserOptions = {
  /** A proxy that everything goes through, loopback too, as `socks5://127.0.0.1:1080`. */
  readonly proxy?: string;
};

export async function openBrowser(options: BrowserOptions = {}): Promise<Browser> {
  const executablePath = findBrowser() ?? (await installBrowser());
  const proxied =
    options.proxy === undefined ? [] : [`--proxy-server=${options.proxy}`, '--proxy-bypass-list=<-loopback>'];
  return await chromium.launch({ executablePath, args: [...flags, ...proxied], headless: true });
}

export function findBrowser(): string | undefined {
  const asked = process.env['HEYVM_CHROMIUM'];
  if (asked !== undefined && existsSync(asked)) return asked;
  return names.map(name => which(name)).find(path => path !== undefined);
}

export async function installBrowser(): Promise<string> {
  await ensurePrograms([
    { program: 'chromium', packages: ['chromium'], why: 'to look at VS Code in the tests' },
  ]);
  const path = findBrowser();
  if (path === undefined) throw new Stop('no Chromium', 'install chromium, or set HEYVM_CHROMIUM to one');
  return path;
}
