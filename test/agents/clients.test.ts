// heyvm mcp --install: the configuration of other programs with heyvm in it, and the server that it starts.
import { strict as assert } from 'node:assert';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { parse as parseToml } from 'smol-toml';
import { agentTools } from '../../server/protocol/agentTools.ts';
import { errorOf, makeWorld, needEngine, type Outcome, type World } from '../cli/support/world.ts';

type Entry = { command: string; args: string[] };

describe('heyvm mcp --install', function () {
  this.timeout(60_000);
  let world: World;

  before(async function () {
    needEngine(this);
  });
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world?.end());

  const home = (...parts: string[]): string => join(world.folder, 'home', ...parts);
  const install = (client: string, ...words: string[]): Promise<Outcome> =>
    world.heyvm(['mcp', '--install', client, ...words]);
  function put(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const read = (path: string): string => readFileSync(path, 'utf8');

  /** As the program would start it: with nothing of this test's but its home. */
  async function toolsOf({ command, args }: Entry): Promise<string[]> {
    const client = new Client({ name: 'test', version: '1' });
    const env = { PATH: process.env['PATH'] ?? '', HOME: home() };
    await client.connect(new StdioClientTransport({ command, args, env, cwd: world.repository }));
    try {
      return (await client.listTools()).tools.map(({ name }) => name).sort();
    } finally {
      await client.close();
    }
  }

  it('is written where each program looks, and starts a server that works', async () => {
    for (const client of ['project', 'claude', 'copilot', 'codex']) {
      const done = await install(client, '--yes');
      assert.equal(done.code, 0, done.stderr);
    }
    const json = (path: string): { mcpServers: { heyvm: Entry } } => JSON.parse(read(path));
    const all = Object.keys(agentTools).sort();
    const entries = [
      json(join(world.repository, '.mcp.json')).mcpServers.heyvm,
      json(home('.claude.json')).mcpServers.heyvm,
      json(home('.copilot', 'mcp-config.json')).mcpServers.heyvm,
      (parseToml(read(home('.codex', 'config.toml'))) as unknown as { mcp_servers: { heyvm: Entry } })
        .mcp_servers.heyvm,
    ];
    for (const entry of entries) assert.deepEqual(entry.args, ['mcp']);
    const [, , , codex] = entries;
    assert.ok(codex);
    assert.equal(codex.command, join(world.store, 'bin', 'heyvm'));
    assert.deepEqual(await toolsOf(codex), all);
    assert.equal(statSync(home('.codex', 'config.toml')).mode & 0o777, 0o600);
    const again = (await world.json(['mcp', '--install', 'codex', '--yes'])) as { changed: boolean };
    assert.equal(again.changed, false);
    const only = (await world.json(['mcp', '--install', 'copilot', '--read-only', '--yes'])) as {
      changed: boolean;
    };
    assert.equal(only.changed, true);
    const reading = await toolsOf(json(home('.copilot', 'mcp-config.json')).mcpServers.heyvm);
    assert.ok(reading.length > 0 && reading.length < all.length);
    assert.ok(!reading.includes('exec'));
  });

  it('shows what would change, and changes nothing where nobody can be asked', async () => {
    const path = home('.codex', 'config.toml');
    const text = '# mine\nmodel = "x"\n';
    put(path, text);
    const done = await install('codex');
    assert.equal(done.code, 2);
    assert.match(done.stdout, /^--- .*config\.toml\n\+\+\+ /m);
    assert.match(done.stdout, /^ model = "x"\n\+\n\+\[mcp_servers\.heyvm\]$/m);
    assert.match(done.stderr, /--yes/);
    assert.equal(read(path), text);
  });

  it('keeps everything else, links and modes included', async () => {
    const target = home('dotfiles', 'mcp.json');
    put(
      target,
      '{\n\t// for work\n\t"mcpServers": {\n\t\t"other": { "command": "x" }\n\t},\n\t"theme": "dark"\n}\n',
    );
    chmodSync(target, 0o640);
    mkdirSync(home('.copilot'), { recursive: true });
    symlinkSync(target, home('.copilot', 'mcp-config.json'));
    const done = await install('copilot', '--yes');
    assert.equal(done.code, 0, done.stderr);
    assert.ok(lstatSync(home('.copilot', 'mcp-config.json')).isSymbolicLink());
    assert.equal(statSync(target).mode & 0o777, 0o640);
    const text = read(target);
    for (const part of ['\t// for work\n', '"command": "x"', '"theme": "dark"', '"heyvm": {'])
      assert.ok(text.includes(part), text);
  });

  const broken: readonly (readonly [client: string, path: readonly string[], text: string | Buffer])[] = [
    ['claude', ['.claude.json'], '{ "mcpServers": '],
    ['claude', ['.claude.json'], '{ "mcpServers": [] }'],
    ['claude', ['.claude.json'], Buffer.from([0x7b, 0xff, 0x7d])],
    ['codex', ['.codex', 'config.toml'], '[mcp_servers\n'],
    ['codex', ['.codex', 'config.toml'], 'mcp_servers = { other = { command = "x" } }\n'],
  ];
  for (const [client, parts, text] of broken) {
    it(`leaves a file that it cannot understand as it is: ${JSON.stringify(String(text))}`, async () => {
      const path = home(...parts);
      put(path, '');
      writeFileSync(path, text);
      const done = await install(client, '--yes', '--format', 'json');
      const error = errorOf(done);
      assert.equal(error.code, 'settings-broken');
      assert.match(error.message, /is left as it is/);
      assert.deepEqual(readFileSync(path), Buffer.from(text));
    });
  }

  it('says which programs it knows', async () => {
    const done = await install('cluade');
    assert.equal(done.code, 2);
    assert.match(done.stderr, /claude/);
    assert.ok(!existsSync(home('.claude.json')));
    assert.equal((await world.heyvm(['mcp', '--yes'])).code, 2);
  });
});
