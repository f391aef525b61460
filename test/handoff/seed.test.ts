// The server of an editor is in a sandbox before a window asks for it. Its archive comes from a server of this machine
// that answers as the vendors do, because theirs cannot be asked by a test; it holds a real server of VS Code, without
// the extensions that come with it.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt } from '../../scripts/lib/command.ts';
import { type Heyvm, heyvmIn } from '../../scripts/lib/openBranch.ts';
import { dist } from '../../scripts/lib/places.ts';
import { ensureServerArchive } from '../../scripts/lib/vscodeArchive.ts';
import { ensureVscodeServer, type VscodeServer } from '../../scripts/lib/vscodeServer.ts';
import { startVendor, type Vendor } from '../support/editorVendor.ts';
import { eventually } from '../support/eventually.ts';
import { makeProgramArchive } from '../support/programArchive.ts';

describe('the server of an editor', function () {
  this.timeout(240_000);
  let folder: string;
  let home: string;
  let heyvm: Heyvm;
  let server: VscodeServer;
  let vendor: Vendor;

  before(async () => {
    server = await ensureVscodeServer();
    folder = mkdtempSync(join(tmpdir(), 'hv-'));
    vendor = await startVendor(await ensureServerArchive(server), await makeProgramArchive(folder, server));
    home = join(folder, 'h');
    mkdirSync(home, { mode: 0o700 });
    writeFileSync(join(home, 'settings.json'), JSON.stringify({ backend_type: 'bubblewrap' }));
    heyvm = heyvmIn(folder, { ...process.env, HEYO_HOME: home });
    for (const name of ['one', 'two', 'three']) await ok('create', '--name', name);
  });

  after(async () => {
    for (const name of ['one', 'two', 'three']) await heyvm?.('rm', '--force', '--yes', name);
    await vendor?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  async function ok(...words: string[]): Promise<string> {
    const done = await heyvm(...words);
    assert.equal(done.code, 0, done.stderr);
    return done.stdout;
  }

  /** A product.json as an editor has it. */
  function product(more: object): string {
    const file = join(folder, 'product.json');
    const usual = { quality: 'stable', version: server.version, commit: server.commit };
    writeFileSync(file, JSON.stringify({ ...usual, ...more }));
    return file;
  }

  const prepare = async (sandbox: string, file: string, ...words: string[]) =>
    JSON.parse(await ok('editor', 'prepare', sandbox, '--product', file, '--format', 'json', ...words));

  /** Where Remote-SSH looks before it fetches it. */
  const programInside = (data = '.vscode-server') => `/home/dev/${data}/code-${server.commit}`;

  async function programSays(sandbox: string): Promise<string | undefined> {
    const said = await ok('exec', sandbox, '--', programInside(), '--version');
    return /^code \S+ \(commit (\w+)\)$/m.exec(said)?.[1];
  }

  it('has what it needs in a guest on this machine', async () => {
    const { facts, gaps } = JSON.parse(await ok('editor', 'check', 'one', '--format', 'json'));
    assert.deepEqual(
      gaps.filter(({ state }: { state: string }) => state === 'error'),
      [],
    );
    assert.equal(facts.libc.kind, 'glibc');
    assert.match(facts.libstdcxx, /^3\.4\.\d+$/);
    assert.equal(facts.loopback, 'up');
    assert.equal(facts.shared_servers, true);
  });

  it('is fetched once, also over a connection that breaks, and shown inside where Remote-SSH looks', async () => {
    vendor.breakNext();
    const done = await prepare('one', product({ updateUrl: vendor.origin }));
    assert.deepEqual(done, {
      how: 'shared',
      path: `/home/dev/.vscode-server/bin/${server.commit}`,
      version: server.version,
      program: { how: 'shared', path: programInside() },
    });
    assert.equal(await programSays('one'), server.commit);
    const ranges = vendor.asked.filter(path => path.startsWith('/archive bytes='));
    assert.equal(ranges.length, 1, vendor.asked.join('\n'));
    for (const place of [`bin/${server.commit}`, `cli/servers/Stable-${server.commit}/server`]) {
      const said = await ok(
        'exec',
        'one',
        '--',
        'sh',
        '-c',
        `~/.vscode-server/${place}/bin/code-server --version`,
      );
      assert.deepEqual(said.split('\n').slice(0, 2), [server.version, server.commit]);
    }
  });

  it('cannot be changed from inside where it is shown', async () => {
    const write = `echo x >> ~/.vscode-server/bin/${server.commit}/product.json`;
    const done = await heyvm('exec', 'one', '--', 'sh', '-c', write);
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /Read-only file system/);
  });

  it('serves a second sandbox without another download', async () => {
    const before = vendor.asked.length;
    assert.equal((await prepare('two', product({ updateUrl: vendor.origin }))).how, 'shared');
    assert.equal((await prepare('two', product({ updateUrl: vendor.origin }))).how, 'present');
    assert.equal(vendor.asked.length, before);
  });

  it('of a fork comes by the template of the fork, and is copied where it is asked to be', async () => {
    const fork = { serverDataFolderName: '.fork-server', release: '7' };
    const template = `${vendor.origin}/\${version}.\${release}/fork-\${os}-\${arch}.tar.gz`;
    const file = product({ ...fork, serverDownloadUrlTemplate: template });
    const done = await prepare('three', file, '--copy');
    assert.deepEqual([done.how, done.version, done.program], ['copied', server.version, undefined]);
    assert.ok(vendor.asked.some(path => /^\/[\d.]+\.7\/fork-linux-(x64|arm64)\.tar\.gz$/.test(path)));
    const folderInside = `/home/dev/.fork-server/bin/${server.commit}`;
    assert.equal(done.path, folderInside);
    assert.equal(await ok('exec', 'three', '--', 'sh', '-c', `[ -L ${folderInside} ] || echo own`), 'own\n');
    assert.equal((await prepare('three', file)).how, 'present');
  });

  it('is a page of this machine when it is asked to be, behind a token', async () => {
    const file = product({ updateUrl: vendor.origin });
    const refused = await heyvm('editor', 'open', 'two', '--product', file);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /licence/);
    const words = ['editor', 'open', 'two', '--accept-license', '--product', file, '--format', 'json'];
    const child = spawn(join(dist, 'heyvm'), words, {
      env: { ...process.env, HEYO_HOME: home },
      stdio: 'pipe',
    });
    try {
      let said = '';
      child.stdout.on('data', chunk => (said += chunk));
      const url = await eventually(() => JSON.parse(said).url as string, {
        withinMs: 120_000,
        what: 'the address',
      });
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/\?tkn=[0-9a-f]{32}&folder=\/workspace$/);
      const page = await attempt(['curl', '-s', '-L', '-c', '', '--max-time', '60', url]);
      assert.match(page.stdout, /<html[\s\S]*workbench/);
      const without = await fetch(url.replace(/tkn=\w+&/, ''));
      assert.equal(without.status, 403);
      assert.ok(vendor.asked.some(path => path.includes('-web/stable')));
    } finally {
      const ended = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
    }
  });

  it('comes with the program that Remote-SSH starts first, as a copy where it is asked to be', async () => {
    const own = '.own-server';
    const done = await prepare(
      'three',
      product({ updateUrl: vendor.origin, serverDataFolderName: own }),
      '--copy',
    );
    assert.deepEqual(done.program, { how: 'copied', path: programInside(own) });
    const said = await ok(
      'exec',
      'three',
      '--',
      'sh',
      '-c',
      `[ -L ${programInside(own)} ] || ${programInside(own)} --version`,
    );
    assert.ok(said.includes(server.commit), said);
  });

  it('is there without that program where its vendor has none, and says so', async () => {
    const other = await startVendor(await ensureServerArchive(server));
    try {
      const file = product({ updateUrl: other.origin, serverDataFolderName: '.bare-server' });
      const words = ['editor', 'prepare', 'one', '--product', file, '--format', 'json'];
      const done = await heyvm(...words);
      assert.equal(done.code, 0, done.stderr);
      const { how, program } = JSON.parse(done.stdout);
      assert.deepEqual([how, program.how], ['shared', 'missing']);
      assert.match(program.why, /the server answers 404/);
      assert.match(done.stderr, /needs a network inside/);
    } finally {
      await other.close();
    }
  });

  it('that does not match its checksum is not kept', async () => {
    const bad = {
      serverDataFolderName: '.bad-server',
      serverDownloadUrlTemplate: `${vendor.origin}/wrong.tar.gz`,
    };
    const done = await heyvm('editor', 'prepare', 'one', '--product', product(bad));
    assert.equal(done.code, 3);
    assert.match(done.stderr, /its sha256 is .+ and should be 0000/);
    assert.deepEqual(
      readdirSync(join(home, 'cache', 'servers')).filter(name => name.startsWith('bad-')),
      [],
    );
  });

  it('that cannot be fetched is left to the editor, and that is said', async () => {
    const file = product({ serverDataFolderName: '.gone-server', updateUrl: 'http://127.0.0.1:1' });
    const done = await heyvm('editor', 'prepare', 'one', '--product', file);
    assert.equal(done.code, 3);
    assert.match(done.stderr, /the editor downloads its server itself when the window opens/);
    assert.equal(
      existsSync(join(home, 'cache', 'incoming')) && readdirSync(join(home, 'cache', 'incoming')).length > 0,
      false,
    );
  });

  it('is found by plain ssh as well', async () => {
    const config = join(home, 'ssh', 'config');
    const words = [`~/.vscode-server/bin/${server.commit}/bin/code-server --version`];
    const env = { ...process.env, HEYO_HOME: home };
    const done = await attempt(['ssh', '-F', config, 'heyvm-two', ...words], { env });
    assert.equal(done.stdout.split('\n')[1], server.commit, done.stderr);
  });
});
