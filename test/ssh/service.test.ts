// What the service does about OpenSSH, over a store in a temporary folder.
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aliasOf } from '../../server/core/names.ts';
import { SandboxId } from '../../server/protocol/sandbox.ts';
import { createService } from '../../server/service/service.ts';
import { type Paths, pathsOf } from '../../server/store/paths.ts';
import { SandboxRecord } from '../../server/store/records.ts';
import { addRecord } from '../../server/store/sandboxes.ts';
import { hasProgram, run } from './support/run.ts';

describe('the service and OpenSSH', () => {
  let top: string;
  let paths: Paths;
  let bundle: { folder: string; build: string };
  beforeEach(async () => {
    top = await mkdtemp(join(tmpdir(), 'hv-'));
    paths = pathsOf({ HEYO_HOME: join(top, 'h') });
    bundle = await makeBundle('one');
  });
  afterEach(() => rm(top, { recursive: true, force: true }));

  const makeBundle = async (build: string) => {
    const folder = join(top, build);
    await mkdir(folder);
    for (const name of ['owner.cjs', 'cli.cjs', 'mcp.cjs'])
      await writeFile(join(folder, name), `console.log('${build}')`);
    return { folder, build };
  };
  const call = (env: NodeJS.ProcessEnv = {}) => createService({ paths, env: { ...env }, bundle }).call;
  const add = (name: string, digit: string) =>
    addRecord(
      paths,
      SandboxRecord.parse({
        ...{
          version: 1,
          id: SandboxId.parse(`sb-${digit.repeat(8)}`),
          name,
          created_at: `203${digit}-01-01T00:00:00.000Z`,
        },
        ...{ backend_type: 'bubblewrap', backend_reason: 'test', type: 'general', runtime: 'shell' },
        ...{
          workspace: { path: top, git: 'none' },
          mounts: [],
          env: {},
          policy: { network: { mode: 'none' } },
        },
        ...{ limits: {}, attached: false, intent: 'stopped' },
      }),
    );
  const launched = async () => (await run([join(paths.bin, 'heyvm')])).stdout.toString();

  it('installs before there is any sandbox, and knows its own file by HOME', async () => {
    const home = join(top, 'home');
    await mkdir(home);
    const answer = await call({ HOME: home })('ssh/install', {});
    assert.deepEqual(answer, {
      config: join(home, '.ssh', 'config'),
      changed: true,
      include: `Include "${paths.sshConfig}"`,
    });
    assert.equal((await call({ HOME: home })('ssh/install', {})).changed, false);
    assert.equal((await call({ HOME: home })('ssh/uninstall', {})).changed, true);
    assert.ok(!existsSync(join(home, '.ssh')));
  });

  it('gives every sandbox an alias that OpenSSH understands', async function () {
    if (!(await hasProgram('ssh'))) {
      console.log('not run: ssh is not installed');
      return this.skip();
    }
    await add('one', '1');
    await add('wt-feature-x', '2');
    const config = join(top, 'config');
    await call()('ssh/install', { config });
    for (const name of ['one', 'wt-feature-x']) {
      const { stdout } = await run(['ssh', '-F', config, '-G', aliasOf(name)]);
      assert.match(stdout.toString(), /^user dev$/m);
      assert.match(stdout.toString(), /^proxycommand .*\/bin\/heyvm ssh-proxy sb-\d{8}$/m);
      assert.match(stdout.toString(), /^stricthostkeychecking (yes|true)$/m);
    }
    const hosts = (await readFile(paths.knownHosts, 'utf8')).trim().split('\n');
    assert.equal(new Set(hosts.map(line => line.split(' ')[2])).size, 2);
    const status = await call({ PATH: process.env['PATH'] })('ssh/status', { config });
    assert.deepEqual(status, { config, installed: true, effective: true });
  });

  it('points the launcher to a copy that stays when the bundle goes', async () => {
    await call()('ssh/install', { config: join(top, 'config') });
    await rm(bundle.folder, { recursive: true });
    assert.equal(await launched(), 'one\n');
  });

  it('leaves no launcher pointing to a build that was pruned', async () => {
    await call()('ssh/install', { config: join(top, 'config') });
    bundle = await makeBundle('two');
    await call()('prune/run', {});
    assert.ok(!existsSync(join(paths.lib, 'one')));
    assert.equal(await launched(), 'two\n');
  });
});
