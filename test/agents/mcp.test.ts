// The tools as agents use them: a real client of the protocol, the built command line, real sandboxes and a real repository.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { agentTools } from '../../server/protocol/agentTools.ts';
import { launcher, makeWorld, needEngine, type World } from '../cli/support/world.ts';
import { eventually } from '../support/eventually.ts';

type Session = {
  readonly client: Client;
  /** The structured answer; fails the test when the tool refused. */
  tool(name: string, input?: Record<string, unknown>): Promise<Record<string, unknown>>;
  refused(name: string, input?: Record<string, unknown>): Promise<string>;
};

async function connectTo(world: World, args: readonly string[] = []): Promise<Session> {
  const env = Object.fromEntries(
    Object.entries(world.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  const transport = new StdioClientTransport({
    command: launcher,
    args: ['mcp', ...args],
    env,
    cwd: world.repository,
  });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  const call = async (name: string, input: Record<string, unknown> = {}): Promise<CallToolResult> =>
    (await client.callTool({ name, arguments: input })) as CallToolResult;
  return {
    client,
    async tool(name, input) {
      const answer = await call(name, input);
      assert.ok(answer.isError !== true, textOf(answer));
      assert.ok(textOf(answer).length > 0);
      return answer.structuredContent ?? assert.fail('no structured answer');
    },
    async refused(name, input) {
      const answer = await call(name, input);
      assert.equal(answer.isError, true, textOf(answer));
      return textOf(answer);
    },
  };
}

function textOf({ content }: CallToolResult): string {
  return content.map(part => (part.type === 'text' ? part.text : '')).join('');
}

describe('heyvm mcp', function () {
  this.timeout(120_000);
  let world: World;
  let session: Session;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    session = await connectTo(world);
  });

  after(async () => {
    await session?.client.close();
    await world?.end();
  });

  it('offers every tool with what it takes, answers and does', async () => {
    const { tools } = await session.client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), Object.keys(agentTools).sort());
    for (const { name, description, annotations, inputSchema, outputSchema } of tools) {
      assert.ok((description ?? '').length > 40, name);
      assert.equal(inputSchema['additionalProperties'], false, name);
      assert.equal(outputSchema?.type, 'object', name);
      const { effect } = agentTools[name as keyof typeof agentTools];
      assert.equal(annotations?.readOnlyHint, effect === 'reads', name);
      assert.equal(annotations?.destructiveHint, effect === 'destroys', name);
    }
  });

  it('carries an agent from an empty branch to merged work', async () => {
    const { tool } = session;
    const opened = await tool('create_sandbox', { branch: 'feature/sum' });
    const { id: sandbox } = opened['sandbox'] as { id: string };
    assert.deepEqual(opened['created'], { branch: true, worktree: true, sandbox: true });

    await tool('write_file', {
      sandbox,
      path: 'src/sum.sh',
      content: '#!/bin/sh\necho $(($1 - $2))\n',
      executable: true,
    });
    await tool('write_file', {
      sandbox,
      path: 'test.sh',
      content: 'test "$(src/sum.sh 2 3)" = 5 || { echo "2 + 3 is not $(src/sum.sh 2 3)" >&2; exit 1; }\n',
    });
    const failed = await tool('exec', { sandbox, argv: ['sh', 'test.sh'] });
    assert.equal(failed['exit_code'], 1);
    assert.match((failed['stderr'] as { text: string }).text, /2 \+ 3 is not -1/);

    const before = (await tool('read_file', { sandbox, path: 'src/sum.sh' }))['text'] as string;
    await tool('write_file', { sandbox, path: 'src/sum.sh', content: before.replace(' - ', ' + ') });
    const passed = await tool('exec', { sandbox, argv: ['sh', 'test.sh'] });
    assert.equal(passed['exit_code'], 0, 'the mode of a file that is written again is kept');

    const script = 'git add -A && git commit -qm "Add numbers"';
    assert.equal((await tool('exec', { sandbox, argv: ['sh', '-c', script] }))['exit_code'], 0);
    const { patch } = await tool('diff_branch', { sandbox });
    assert.match((patch as { text: string }).text, /\+echo \$\(\(\$1 \+ \$2\)\)/);

    const merged = await tool('merge_branch', { sandbox });
    assert.deepEqual([merged['into'], merged['kind']], ['main', 'fast-forward']);
    assert.ok(readFileSync(join(world.repository, 'src', 'sum.sh'), 'utf8').includes('$1 + $2'));

    const removed = await tool('remove_sandbox', { sandbox });
    assert.ok(!existsSync(String(removed['worktree'])));
    assert.deepEqual((await tool('list_sandboxes'))['sandboxes'], []);
  });

  describe('in a sandbox', () => {
    let sandbox = '';

    before(async () => {
      sandbox = ((await session.tool('create_sandbox', { name: 'tools' }))['sandbox'] as { id: string }).id;
    });

    it('cuts long outputs and reads on in them', async () => {
      const done = await session.tool('exec', { sandbox, argv: ['seq', '1', '20000'] });
      const { text, handle, bytes } = done['stdout'] as { text: string; handle: string; bytes: number };
      assert.ok(text.length < 17_000 && text.startsWith('1\n2\n') && text.endsWith('20000\n'));
      const part = await session.tool('read_output', { handle, offset: bytes - 6, bytes: 100 });
      assert.deepEqual([part['text'], part['end']], ['20000\n', true]);
    });

    it('hides what looks like a secret', async () => {
      const argv = ['sh', '-c', 'echo MY_TOKEN=hunter22 | tee /workspace/.env'];
      const done = await session.tool('exec', { sandbox, argv });
      assert.deepEqual(done['stdout'], { text: 'MY_TOKEN=[redacted]\n', bytes: 20, redacted: 1 });
      const read = await session.tool('read_file', { sandbox, path: '.env' });
      assert.deepEqual([read['text'], read['redacted']], ['MY_TOKEN=[redacted]\n', 1]);
      const piece = await session.tool('read_file', { sandbox, path: '.env', offset: 11, bytes: 3 });
      assert.deepEqual([piece['text'], piece['bytes'], piece['redacted']], ['[redacted]', 3, 1]);
    });

    it('passes input and variables on, and ends what takes too long', async () => {
      const echo = await session.tool('exec', {
        sandbox,
        argv: ['sh', '-c', 'cat; echo $GREETING'],
        stdin: 'in\n',
        env: { GREETING: 'hi' },
      });
      assert.equal((echo['stdout'] as { text: string }).text, 'in\nhi\n');
      const slow = await session.tool('exec', { sandbox, argv: ['sleep', '60'], timeout_seconds: 0.2 });
      assert.deepEqual([slow['timed_out'], slow['signal']], [true, 'TERM']);
    });

    it('ends the program of a call that is cancelled', async () => {
      const stop = new AbortController();
      const mark = `sleep 6${process.pid}`;
      const asked = session.client.callTool(
        { name: 'exec', arguments: { sandbox, argv: ['sh', '-c', `exec ${mark}`] } },
        undefined,
        { signal: stop.signal },
      );
      asked.catch(() => undefined);
      const running = async (): Promise<boolean> => {
        const argv = ['sh', '-c', `cat /proc/[0-9]*/cmdline | tr "\\0" " "`];
        const { stdout } = await session.tool('exec', { sandbox, argv });
        return (stdout as { text: string }).text.includes(`${mark} `);
      };
      await eventually(running, { what: 'the program' });
      stop.abort();
      await assert.rejects(asked);
      await eventually(async () => !(await running()), { what: 'the end of the program' });
    });

    it('tells where long work is', async () => {
      const heard: string[] = [];
      await session.client.callTool({ name: 'create_sandbox', arguments: { name: 'slow' } }, undefined, {
        onprogress: ({ message }) => heard.push(message ?? ''),
      });
      assert.ok(heard.length > 1, heard.join(', '));
      await session.tool('remove_sandbox', { sandbox: 'slow' });
    });

    it('refuses in words, and changes nothing', async () => {
      const { refused } = session;
      assert.match(await refused('exec', { sandbox, argv: [] }), /^usage: exec: argv/);
      assert.match(await refused('exec', { sandbox, argv: ['true'], shell: true }), /shell/);
      assert.match(await refused('exec', { sandbox: 'nobody', argv: ['true'] }), /^sandbox-not-found/);
      assert.match(await refused('exec', { sandbox, argv: ['no-such-program'] }), /^path-not-found/);
      assert.match(await refused('read_file', { sandbox, path: 'nothing' }), /^path-not-found/);
      assert.match(await refused('read_file', { sandbox, path: '/bin/sh' }), /not text/);
      assert.match(await refused('read_output', { handle: 'output-999' }), /any more/);
      assert.match(await refused('diff_branch', { sandbox }), /shows no branch/);
      assert.match(await refused('create_sandbox', { branch: 'x', backend: 'bublewrap' }), /bubblewrap/);
      assert.match(await refused('make_coffee'), /no tool "make_coffee"/);
    });

    it('stops and starts', async () => {
      const stopped = await session.tool('stop_sandbox', { sandbox });
      assert.equal((stopped['sandbox'] as { status: string }).status, 'stopped');
      assert.match(await session.refused('exec', { sandbox, argv: ['true'] }), /start_sandbox/);
      const started = await session.tool('start_sandbox', { sandbox });
      assert.equal((started['sandbox'] as { status: string }).status, 'running');
      assert.match(
        String(((await session.tool('read_log', { sandbox }))['log'] as { text: string }).text),
        /./,
      );
    });
  });

  it('only reads when it is told to', async () => {
    const reading = await connectTo(world, ['--read-only']);
    try {
      const { tools } = await reading.client.listTools();
      assert.ok(tools.length >= 6 && tools.every(({ annotations }) => annotations?.readOnlyHint === true));
      assert.match(await reading.refused('create_sandbox', { name: 'no' }), /only reads/);
    } finally {
      await reading.client.close();
    }
  });

  it('imports nothing where it only reads, and shows what changed all the same', async () => {
    const opened = await world.heyvm(['wt', 'apart', '--type', 'code', '--detach']);
    assert.equal(opened.code, 0, opened.stderr);
    const { sandboxes } = await session.tool('list_sandboxes');
    const found = (sandboxes as { id: string; branch?: string }[]).find(({ branch }) => branch === 'apart');
    const sandbox = found?.id ?? assert.fail('no sandbox of the branch');
    const script = 'echo new > new.txt && git add new.txt && git commit -q -m inside';
    await session.tool('exec', { sandbox, argv: ['sh', '-c', script] });
    const reading = await connectTo(world, ['--read-only']);
    try {
      const refs = () => world.git('for-each-ref', `refs/heyvm/${sandbox}`);
      const shown = await reading.tool('diff_branch', { sandbox });
      assert.deepEqual([await refs(), /new\.txt/.test(JSON.stringify(shown['patch']))], ['', true]);
      await session.tool('diff_branch', { sandbox });
      assert.notEqual(await refs(), '');
    } finally {
      await reading.client.close();
    }
  });

  it('opens branches of the repositories that it was started for alone', async () => {
    const other = join(world.folder, 'other');
    await world.git('clone', '-q', world.repository, other);
    const asked = { branch: 'elsewhere', repository: other };
    assert.match(await session.refused('create_sandbox', asked), /^policy-refused: .*other is none of/);
    assert.equal(await world.git('-C', other, 'branch', '--list', 'elsewhere'), '');
    const wider = await connectTo(world, ['--repository', other]);
    try {
      const made = await wider.tool('create_sandbox', asked);
      const { id } = made['sandbox'] as { id: string };
      await wider.tool('remove_sandbox', { sandbox: id, force: true });
    } finally {
      await wider.client.close();
    }
  });

  it('runs no program that a repository names itself', async () => {
    const ran = join(world.folder, 'ran');
    await world.git('config', 'filter.evil.smudge', `touch ${ran}; cat`);
    writeFileSync(join(world.repository, '.git', 'info', 'attributes'), '* filter=evil\n');
    try {
      const why = await session.refused('create_sandbox', { branch: 'evil' });
      assert.match(why, /^policy-refused: .*filter\.evil\.smudge/);
      assert.match(why, /heyvm wt evil/);
      assert.deepEqual([existsSync(ran), await world.git('branch', '--list', 'evil')], [false, '']);
    } finally {
      await world.git('config', '--remove-section', 'filter.evil');
      rmSync(join(world.repository, '.git', 'info', 'attributes'));
    }
  });

  it('ends with its client, and the sandboxes go on', async () => {
    const other = await connectTo(world);
    await other.tool('create_sandbox', { name: 'stays' });
    const { transport } = other.client;
    const pid = transport instanceof StdioClientTransport ? (transport.pid ?? 0) : 0;
    assert.ok(existsSync(`/proc/${pid}`));
    await other.client.close();
    await eventually(async () => !existsSync(`/proc/${pid}`), { what: 'the end of the server' });
    const { sandboxes } = await session.tool('list_sandboxes');
    const found = (sandboxes as { name: string; status: string }[]).find(({ name }) => name === 'stays');
    assert.equal(found?.status, 'running');
  });

  it('says nothing on stdout but the protocol, whatever it is sent', async () => {
    const server = world.start(['mcp']);
    const said: string[] = [];
    server.stdout?.setEncoding('utf8').on('data', text => said.push(String(text)));
    server.stdin?.write('this is no message\n{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');
    await eventually(async () => said.join('').includes('"id":1'));
    server.stdin?.end();
    for (const line of said.join('').trim().split('\n')) assert.equal(JSON.parse(line).jsonrpc, '2.0');
  });
});
