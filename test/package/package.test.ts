// The packed extension: what is in it, how large it is, and that it works once installed.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { command } from '../../scripts/lib/command.ts';
import { makeDemo } from '../../scripts/lib/demo.ts';
import { installExtension } from '../../scripts/lib/extensionIn.ts';
import { heyvmIn } from '../../scripts/lib/openBranch.ts';
import { quietSettings } from '../../scripts/lib/scene.ts';
import { type Served, serveVscode } from '../../scripts/lib/serveVscode.ts';
import { ensureVscodeServer } from '../../scripts/lib/vscodeServer.ts';
import { type Packed, pack, targets } from '../../scripts/lib/vsix.ts';
import { openView, runCommand, screenshot, treeRow, untilReady } from '../../scripts/lib/workbench.ts';

const allowed = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|SECURITY\.md|THIRD-PARTY-LICENSES\.md)$/,
  /^dist\/(heyvm|(start|brief|making|cli|mcp|owner|helper|extension|client|doctor)\.cjs|webview\/[a-z]+\.(js|css)|owner\/[a-z0-9-]+\.cjs|guest-linux-(x64|arm64)|runners\/[a-z0-9-]+(\.core2?)?\.(cjs|mjs|wasm))$/,
  /^media\/[\w/-]+\.(svg|png)$/,
];

describe('the packed extension', function () {
  this.timeout(240_000);
  let packed: Packed[];
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hv-'));
    packed = [];
    for (const target of targets) packed.push(await pack(target, join(folder, 'vsix')));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has what it needs and nothing that is not allowed', () => {
    for (const { files } of packed) {
      const paths = files.map(({ path }) => path);
      assert.deepEqual(
        paths.filter(path => !allowed.some(pattern => pattern.test(path))),
        [],
      );
      for (const name of [
        'start.cjs',
        'brief.cjs',
        'making.cjs',
        'cli.cjs',
        'owner.cjs',
        'helper.cjs',
        'extension.cjs',
        'client.cjs',
        'doctor.cjs',
        'webview/doctor.js',
        'webview/doctor.css',
        'mcp.cjs',
        'heyvm',
      ]) {
        assert.ok(paths.includes(`dist/${name}`), `dist/${name} is missing`);
      }
      assert.ok(paths.some(path => path.startsWith('dist/guest-linux-')));
    }
  });

  it('is small, and most of it are the runtimes of WebAssembly', async () => {
    for (const { path, bytes, files } of packed) {
      const listed = await command(['python3', '-c', sizes, path]);
      const runners = Object.entries(JSON.parse(listed) as Record<string, number>)
        .filter(([name]) => name.startsWith('extension/dist/runners/'))
        .reduce((sum, [, size]) => sum + size, 0);
      const [all, rest] = [bytes, bytes - runners].map(count => count / 1024 / 1024);
      console.log(
        `      ${all?.toFixed(1)} MiB, ${rest?.toFixed(1)} MiB without runtimes, ${files.length} files`,
      );
      assert.ok(runners > 0 && (all ?? 0) < 8 && (rest ?? 0) < 3, `${path}: ${all} and ${rest} MiB`);
    }
  });

  it('keeps the launcher and the guest program executable', async () => {
    const [first] = packed;
    const listed = await command(['python3', '-c', modes, first?.path ?? '']);
    const found = JSON.parse(listed) as Record<string, number>;
    assert.equal(found['extension/dist/heyvm'], 0o755);
    for (const [name, mode] of Object.entries(found))
      if (name.includes('/guest-linux-')) assert.equal(mode, 0o755);
  });

  it('says that the universal one is for all and the other one for its platform', async () => {
    const manifests = [];
    for (const { path } of packed) manifests.push(await command(['python3', '-c', manifest, path]));
    assert.ok(!manifests[0]?.includes('TargetPlatform'));
    assert.match(manifests[1] ?? '', /TargetPlatform="linux-(x64|arm64)"/);
  });

  describe('installed into VS Code', () => {
    let served: Served;
    let browser: Browser;
    let env: NodeJS.ProcessEnv;
    let repository: string;

    before(async () => {
      const server = await ensureVscodeServer();
      const data = join(folder, 'vscode');
      mkdirSync(data);
      env = { ...process.env, HEYO_HOME: join(folder, 'h') };
      ({ repository } = await makeDemo(join(folder, 'tea')));
      await installExtension(server, data, packed[0]?.path ?? '');
      served = await serveVscode({ server, data, env, settings: quietSettings });
      browser = await openBrowser();
    });

    after(async () => {
      await browser?.close();
      await served?.stop();
      await heyvmIn(repository, env)('rm', '--force', '--yes', 'packed');
    });

    it('activates, lists, and starts sandboxes with the programs that it brought', async () => {
      const page = await browser.newPage();
      await page.goto(`${served.origin}/?${new URLSearchParams({ folder: repository })}`);
      await untilReady(page);
      await openView(page);
      await page.getByText('Open Branch in Sandbox').first().waitFor({ timeout: 60_000 });
      const installed = await command([
        'find',
        join(folder, 'vscode', 'extensions'),
        '-name',
        'heyvm',
        '-type',
        'f',
      ]);
      const made = await command([installed.trim(), 'create', '--name', 'packed'], { env });
      assert.ok(made.length > 0);
      await treeRow(page, 'packed').waitFor({ timeout: 60_000 });
      await runCommand(page, 'heyvm: Doctor');
      await screenshot(page, 'packed');
    });
  });
});

const modes = `
import json, sys, zipfile
print(json.dumps({i.filename: (i.external_attr >> 16) & 0o777 for i in zipfile.ZipFile(sys.argv[1]).infolist()}))
`;

const sizes = `
import json, sys, zipfile
print(json.dumps({i.filename: i.compress_size for i in zipfile.ZipFile(sys.argv[1]).infolist()}))
`;

const manifest = `
import sys, zipfile
print(zipfile.ZipFile(sys.argv[1]).read('extension.vsixmanifest').decode())
`;
