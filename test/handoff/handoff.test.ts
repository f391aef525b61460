// An editor's server runs inside a sandbox and is reached through ssh alone, as with any machine far away.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/lib/browser.ts';
import { attempt } from '../../scripts/lib/command.ts';
import { makeDemo } from '../../scripts/lib/demo.ts';
import { type Heyvm, heyvmIn, type Opened, openBranch } from '../../scripts/lib/openBranch.ts';
import { artifacts } from '../../scripts/lib/places.ts';
import { ensureVscodeServer } from '../../scripts/lib/vscodeServer.ts';
import { eventually } from '../support/eventually.ts';
import { type Connection, connect } from './remoteClient.ts';

const SERVER = '/opt/editor';

describe('the hand-off over ssh', function () {
  this.timeout(180_000);
  let folder: string;
  let heyvm: Heyvm;
  let opened: Opened;
  let config: string;
  let env: NodeJS.ProcessEnv;
  const connections: Connection[] = [];

  before(async () => {
    const server = await ensureVscodeServer();
    folder = mkdtempSync(join(tmpdir(), 'hv-'));
    env = { ...process.env, HEYO_HOME: join(folder, 'h') };
    const { repository, branch } = await makeDemo(join(folder, 'tea'));
    const plain = heyvmIn(repository, env);
    const mounts = [
      ...['--mount', `${server.folder}:${SERVER}/vscode`],
      ...['--mount', `${dirname(dirname(server.node))}:${SERVER}/node`],
    ];
    heyvm = (...args) => plain(...args);
    opened = await openBranch((...args) => plain(...args, ...mounts), branch);
    config = join(folder, 'h', 'ssh', 'config');
  });

  after(async () => {
    for (const connection of connections) await connection.close();
    await heyvm?.('rm', '--force', '--yes', opened?.sandbox.id ?? 'none');
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async () => {
    const connection = await connect({ alias: opened.sandbox.ssh.alias, config, env, server: SERVER });
    connections.push(connection);
    return connection;
  };

  it('starts the server inside and learns how to reach it', async () => {
    const { said } = await open();
    assert.equal(said.get('exitCode'), '0');
    assert.equal(said.get('user'), 'dev');
    assert.equal(said.get('serverStart'), 'new');
    assert.match(said.get('listeningOn') ?? '', /^\d+$/);
  });

  it('a second connection finds the same server', async () => {
    const { said } = await open();
    assert.equal(said.get('serverStart'), 'reused');
    assert.equal(said.get('listeningOn'), connections[0]?.said.get('listeningOn'));
  });

  it('nothing of the server can be reached without going through ssh', async () => {
    const port = connections[0]?.said.get('listeningOn');
    await assert.rejects(fetch(`http://127.0.0.1:${port}/version`));
  });

  it('the server is mounted read-only', async () => {
    const write = await heyvm('exec', opened.sandbox.name, '--', 'touch', `${SERVER}/vscode/product.json`);
    assert.notEqual(write.code, 0);
  });

  describe('in a browser', () => {
    let browser: Browser;
    let page: Page;

    before(async () => {
      const [connection] = connections;
      assert.ok(connection);
      browser = await openBrowser({ proxy: `socks5://127.0.0.1:${connection.socks}` });
      page = await browser.newPage();
      const tkn = connection.said.get('connectionToken') ?? '';
      const query = new URLSearchParams({ tkn, folder: '/workspace' });
      await page.goto(`http://127.0.0.1:${connection.said.get('listeningOn')}/?${query}`);
    });

    after(async () => {
      mkdirSync(join(artifacts, 'screenshots'), { recursive: true });
      await page?.screenshot({ path: join(artifacts, 'screenshots', 'handoff.png') });
      await browser?.close();
    });

    it('the workbench loads through the SOCKS port and shows the worktree', async () => {
      await page.waitForSelector('.explorer-folders-view .monaco-list-row', { timeout: 90_000 });
      await eventually(async () => (await page.textContent('.explorer-folders-view'))?.includes('tea.sh'));
    });

    it('a terminal in it is inside the sandbox', async () => {
      await page.keyboard.press('Control+Backquote');
      await page.waitForSelector('.terminal-wrapper .xterm-screen', { timeout: 60_000 });
      const proof = join(opened.worktree.path, 'seen-inside.txt');
      const probe = 'pwd >a; id -un >>a; hostname >>a; ls /home >>a; mv a seen-inside.txt';
      await eventually(
        async () => {
          await page.click('.terminal-wrapper .xterm-screen');
          await page.keyboard.type(`${probe}\n`);
          return await eventually(() => readFileSync(proof, 'utf8'), { withinMs: 3_000 });
        },
        { withinMs: 60_000, what: 'typing into the terminal' },
      );
      const [cwd, user, host, ...homes] = readFileSync(proof, 'utf8').trim().split('\n');
      assert.equal(cwd, '/workspace');
      assert.equal(user, 'dev');
      assert.equal(host, opened.sandbox.name);
      assert.deepEqual(homes, ['dev']);
    });

    it('the extension host runs inside as well', async () => {
      const processes = await heyvm(
        'exec',
        opened.sandbox.name,
        '--',
        'sh',
        '-c',
        'cat /proc/[0-9]*/cmdline | tr "\\0" " "',
      );
      assert.match(processes.stdout, /--type=extensionHost/);
    });
  });

  for (const protocol of ['-s', '-O']) {
    it(`files are copied over the same alias (scp ${protocol})`, async () => {
      const source = join(folder, `up${protocol}`);
      const back = join(folder, `down${protocol}`);
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
      writeFileSync(source, bytes);
      const target = `${opened.sandbox.ssh.alias}:/tmp/copied${protocol}`;
      const up = await attempt(['scp', protocol, '-F', config, source, target], { env });
      assert.equal(up.code, 0, up.stderr);
      const down = await attempt(['scp', protocol, '-F', config, target, back], { env });
      assert.equal(down.code, 0, down.stderr);
      assert.ok(readFileSync(back).equals(bytes));
    });
  }

  it('the alias means our proxy and nothing else', async () => {
    const told = await attempt(['ssh', '-G', '-F', config, opened.sandbox.ssh.alias], { env });
    assert.match(told.stdout, /^proxycommand .*ssh-proxy /m);
    assert.match(told.stdout, /^stricthostkeychecking (true|yes)$/m);
  });
});
