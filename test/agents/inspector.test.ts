// The command line of the MCP inspector, which others wrote, starts the server from the file that heyvm wrote.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installPackage } from '../../scripts/lib/npmPackage.ts';
import { Stop } from '../../scripts/lib/say.ts';
import { agentTools } from '../../server/protocol/agentTools.ts';
import { finish, makeWorld, needEngine, type Outcome, type World } from '../cli/support/world.ts';

const [NAME, VERSION] = ['@modelcontextprotocol/inspector', '2.12.0'] as const;

type Called = {
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent?: Record<string, unknown>;
  readonly isError?: boolean;
};

describe('heyvm mcp, driven by the MCP inspector', function () {
  this.timeout(180_000);
  let world: World;
  let program: string;

  before(async function () {
    needEngine(this);
    try {
      program = join(await installPackage(NAME, VERSION), 'clients', 'launcher', 'build', 'index.js');
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      console.log(`not run: the MCP inspector: ${error.message}`);
      return this.skip();
    }
    world = await makeWorld();
    const done = await world.heyvm(['mcp', '--install', 'copilot', '--yes']);
    assert.equal(done.code, 0, done.stderr);
  });
  after(() => world?.end());

  function inspect(...words: string[]): Promise<Outcome> {
    const config = join(world.folder, 'home', '.copilot', 'mcp-config.json');
    const args = [program, '--cli', '--config', config, '--server', 'heyvm', '--cwd', world.repository];
    return finish(spawn(process.execPath, [...args, ...words], { cwd: world.repository, env: world.env }));
  }
  const call = (tool: string, ...pairs: string[]): Promise<Outcome> => {
    const given = pairs.flatMap(pair => ['--tool-arg', pair]);
    return inspect('--method', 'tools/call', '--tool-name', tool, ...given);
  };
  async function answerOf(tool: string, ...pairs: string[]): Promise<Record<string, unknown>> {
    const done = await call(tool, ...pairs);
    assert.equal(done.code, 0, done.stderr);
    return (JSON.parse(done.stdout) as Called).structuredContent ?? assert.fail(done.stdout);
  }

  it('lists every tool', async () => {
    const done = await inspect('--method', 'tools/list');
    assert.equal(done.code, 0, done.stderr);
    const { tools } = JSON.parse(done.stdout) as { tools: { name: string }[] };
    assert.deepEqual(tools.map(({ name }) => name).sort(), Object.keys(agentTools).sort());
  });

  it('calls tools that look and tools that change', async () => {
    const { sandbox } = await answerOf('create_sandbox', 'branch=inspected');
    const { id } = sandbox as { id: string };
    const ran = await answerOf('exec', `sandbox=${id}`, 'argv=["sh", "-c", "echo tea; exit 3"]');
    assert.equal(ran['exit_code'], 3);
    assert.equal((ran['stdout'] as { text: string }).text, 'tea\n');
    const { sandboxes } = await answerOf('list_sandboxes');
    assert.deepEqual(
      (sandboxes as { branch: string }[]).map(({ branch }) => branch),
      ['inspected'],
    );
    await answerOf('remove_sandbox', `sandbox=${id}`);
  });

  it('is told what is wrong with a call', async () => {
    const done = await call('exec', 'sandbox=nobody', 'argv=["true"]');
    assert.notEqual(done.code, 0);
    const said = JSON.parse(done.stdout) as Called;
    assert.equal(said.isError, true);
    assert.match(said.content[0]?.text ?? '', /sandbox-not-found: .*nobody/);
    assert.notEqual((await call('no_such_tool')).code, 0);
  });
});
