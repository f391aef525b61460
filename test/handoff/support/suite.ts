// What must hold when an editor's server runs inside a sandbox and is reached through ssh alone, as on a machine far away.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../../../scripts/lib/browser.ts';
import { ensureCiStore, takeCiImage } from '../../../scripts/lib/ciImage.ts';
import { attempt } from '../../../scripts/lib/command.ts';
import { makeDemo } from '../../../scripts/lib/demo.ts';
import { type Heyvm, heyvmIn, type Opened, openBranch } from '../../../scripts/lib/openBranch.ts';
import { artifacts } from '../../../scripts/lib/places.ts';
import { ensureVscodeServer } from '../../../scripts/lib/vscodeServer.ts';
import { eventually } from '../../support/eventually.ts';
import { type Connection, connect, pageOf } from './remoteClient.ts';
import {
  fallAsleep,
  type Guest,
  type Scene,
  type Sleeper,
  survivalCases,
  wakeAndRemove,
} from './survival.ts';

const SERVER = '/opt/editor';

export type Place = {
  /** Settings of a store in which this backend is the one that is used; undefined with a reason printed. */
  readonly settings: () => Promise<object | string>;
  /** Whether its sandboxes run from an image. */
  readonly image: 'none' | 'tests';
  /** A whole workbench takes longer than anybody waits where every instruction is emulated. */
  readonly look: 'browser' | 'pages';
  /** What becomes of the guest when its owner is killed. */
  readonly guest: Guest;
};

export function handOffSuite(place: Place): void {
  let folder: string | undefined;
  let heyvm: Heyvm;
  let opened: Opened;
  let config: string;
  let env: NodeJS.ProcessEnv;
  const connections: Connection[] = [];
  let sleeper: Sleeper | undefined;
  const scene = () => ({ opened, heyvm, env, connections, open, sleeper });

  before(async function () {
    const settings = await place.settings();
    if (typeof settings === 'string') {
      console.log(`not run: ${settings}`);
      return this.skip();
    }
    const server = await ensureVscodeServer();
    folder = mkdtempSync(join(tmpdir(), 'hv-'));
    const home = join(folder, 'h');
    env = { ...process.env, HEYO_HOME: home };
    mkdirSync(home, { mode: 0o700 });
    writeFileSync(join(home, 'settings.json'), JSON.stringify(settings));
    if (place.image === 'tests') takeCiImage(await ensureCiStore(), home);
    const { repository, branch } = await makeDemo(join(folder, 'tea'));
    const plain = heyvmIn(repository, env);
    const mounts = [
      ...['--mount', `${server.folder}:${SERVER}/vscode`],
      ...['--mount', `${dirname(dirname(server.node))}:${SERVER}/node`],
    ];
    heyvm = (...args) => plain(...args, ...(args[0] === 'wt' ? mounts : []));
    opened = await openBranch(heyvm, branch);
    config = join(folder, 'h', 'ssh', 'config');
  });

  after(async () => {
    if (sleeper !== undefined) await wakeAndRemove(scene(), sleeper);
    for (const connection of connections) await connection.close();
    await heyvm?.('rm', '--force', '--yes', opened?.sandbox.id ?? 'none');
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const open = async ({ sandbox } = opened) => {
    const connection = await connect({ alias: sandbox.ssh.alias, config, env, server: SERVER });
    if (sandbox.id === opened.sandbox.id) connections.push(connection);
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

  if (place.look === 'browser') {
    if (place.guest === 'goes with its owner') {
      // It wakes up when the other cases are over, or nearly so.
      before('another sandbox falls asleep', async () => {
        sleeper = await fallAsleep(scene());
      });
    }
    browserCases(scene);
    survivalCases(place.guest, scene);
  } else {
    it('its pages come through the SOCKS port', async () => {
      const [connection] = connections;
      assert.ok(connection);
      assert.match(await pageOf(connection, '/version'), /^[0-9a-f]{40}$/);
      const tkn = connection.said.get('connectionToken') ?? '';
      assert.match(await pageOf(connection, `/?tkn=${tkn}&folder=/workspace`), /<html[\s\S]*workbench/);
    });
  }

  for (const protocol of ['-s', '-O']) {
    it(`files are copied over the same alias (scp ${protocol})`, async () => {
      const source = join(folder ?? '', `up${protocol}`);
      const back = join(folder ?? '', `down${protocol}`);
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
}

function browserCases(scene: () => Scene): void {
  describe('in a browser', () => {
    let browser: Browser;
    let page: Page;

    before(async () => {
      const [connection] = scene().connections;
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
      // The keys are lost while the workbench is still busy with its start.
      const shown = () => page.isVisible('.terminal-wrapper .xterm-screen');
      await eventually(
        async () => {
          if (!(await shown())) await page.keyboard.press('Control+Backquote');
          return await eventually(shown, { withinMs: 15_000 });
        },
        { withinMs: 90_000, what: 'the terminal' },
      );
      const proof = join(scene().opened.worktree.path, 'seen-inside.txt');
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
      assert.equal(host, scene().opened.sandbox.name);
      assert.deepEqual(homes, ['dev']);
    });

    it('the extension host runs inside as well', async () => {
      const processes = await scene().heyvm(
        'exec',
        scene().opened.sandbox.name,
        '--',
        'sh',
        '-c',
        'cat /proc/[0-9]*/cmdline | tr "\\0" " "',
      );
      assert.match(processes.stdout, /--type=extensionHost/);
    });
  });
}
