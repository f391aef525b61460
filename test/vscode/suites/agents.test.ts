// The tools for agents as a language model of this window would call them.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { agentTools } from '../../../server/protocol/agentTools.ts';
import { eventually } from '../../support/eventually.ts';
import { extension, heyvmOk, listed, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('tools for agents', () => {
  let repository: Repository;
  const signal = new vscode.CancellationTokenSource();

  before(() => {
    repository = makeRepository();
  });

  after(async () => {
    await removeAll();
    repository.remove();
  });

  async function invoke(name: string, input: object): Promise<string> {
    const result = await vscode.lm.invokeTool(
      `heyvm_${name}`,
      { input, toolInvocationToken: undefined },
      signal.token,
    );
    return result.content
      .map(part => (part instanceof vscode.LanguageModelTextPart ? part.value : ''))
      .join('');
  }

  it('are all there, as the manifest declares them', async () => {
    const names = Object.keys(agentTools).map(name => `heyvm_${name}`);
    const known = (): string[] =>
      vscode.lm.tools.map(({ name }) => name).filter(name => name.startsWith('heyvm_'));
    await eventually(() => known().length === names.length, { what: 'the tools' });
    assert.deepEqual(known().sort(), names.sort());
    for (const tool of vscode.lm.tools.filter(({ name }) => name.startsWith('heyvm_'))) {
      assert.ok(tool.description.length > 40, tool.name);
      const { required = [] } = (tool.inputSchema ?? {}) as { required?: string[] };
      assert.ok(!required.includes('sandbox'), tool.name);
    }
  });

  it('that only read ask nobody', async () => {
    assert.deepEqual(JSON.parse(await invoke('list_sandboxes', {})), { sandboxes: [] });
  });

  it('that change something show the person exactly what they would do', async () => {
    const { tools } = await product();
    const name = 'asked';
    await heyvmOk('create', '--name', name);
    const asked = async (tool: string, input: object) => {
      const options = { input: { sandbox: name, ...input }, chatRequestId: undefined };
      const prepared = await tools.get(`heyvm_${tool}`)?.prepareInvocation?.(options, signal.token);
      const message = prepared?.confirmationMessages?.message;
      return message instanceof vscode.MarkdownString ? message.value : message;
    };
    assert.equal(await asked('read_log', {}), undefined);
    const exec = (await asked('exec', { argv: ['rm', '-rf', 'a b', '`x`'] })) ?? '';
    for (const part of ["rm -rf 'a b' '`x`'", 'cwd: /workspace', `${name}, bubblewrap`, 'network: none'])
      assert.ok(exec.replaceAll('&nbsp;', ' ').replaceAll('\\', '').includes(part), `${part} in ${exec}`);
    assert.match((await asked('remove_sandbox', {})) ?? '', /cannot be taken back/);
    await assert.rejects(asked('exec', { argv: [] }), /argv/);
    await heyvmOk('rm', '--force', '--yes', name);
  });

  it('act on the sandbox that the person was shown, and on no other of its name', async () => {
    const { tools } = await product();
    const tool = tools.get('heyvm_exec') ?? assert.fail('no such tool');
    const name = 'shown';
    await heyvmOk('create', '--name', name);
    const input = { sandbox: name, argv: ['touch', '/home/dev/done'] };
    const asked = { input, chatRequestId: undefined };
    await tool.prepareInvocation?.(asked, signal.token);
    await heyvmOk('rm', '--force', '--yes', name);
    await heyvmOk('create', '--name', name);
    const options = { input: { ...input }, toolInvocationToken: undefined };
    await assert.rejects(Promise.resolve(tool.invoke(options, signal.token)), /no sandbox/i);
    const look = { sandbox: name, argv: ['ls', '/home/dev'] };
    assert.doesNotMatch(await invoke('exec', look), /done/);
    await heyvmOk('rm', '--force', '--yes', name);
  });

  it('refuse in words when no sandbox is meant', async () => {
    await assert.rejects(invoke('read_log', {}), /none is named/);
    await assert.rejects(invoke('read_log', { sandbox: 'nobody' }), /nobody/);
  });

  it('carry an agent from a branch to merged work', async () => {
    const opened = JSON.parse(
      await invoke('create_sandbox', { branch: 'feature/agent', repository: repository.path }),
    ) as { sandbox: { id: string; worktree: string } };
    const { id: sandbox, worktree } = opened.sandbox;
    await invoke('write_file', { sandbox, path: 'greet.sh', content: 'echo helo\n' });
    const test = ['sh', '-c', 'test "$(sh greet.sh)" = hello || { echo wrong word >&2; exit 1; }'];
    assert.match(await invoke('exec', { sandbox, argv: test }), /exit code 1[\s\S]*wrong word/);
    const text = await invoke('read_file', { sandbox, path: 'greet.sh' });
    await invoke('write_file', { sandbox, path: 'greet.sh', content: text.replace('helo', 'hello') });
    assert.match(await invoke('exec', { sandbox, argv: test }), /^exit code 0/);
    const commit = ['sh', '-c', 'git add . && git commit -qm "Greet"'];
    assert.match(await invoke('exec', { sandbox, argv: commit }), /^exit code 0/);
    assert.match(await invoke('diff_branch', { sandbox }), /\+echo hello/);
    assert.match(await invoke('merge_branch', { sandbox }), /fast-forward/);
    assert.equal(readFileSync(join(repository.path, 'greet.sh'), 'utf8'), 'echo hello\n');
    await invoke('remove_sandbox', { sandbox });
    assert.ok(!existsSync(worktree));
    assert.deepEqual(await listed(), []);
  });

  it('come as an MCP server too, which needs no answer to start', () => {
    const { contributes } = extension().packageJSON as {
      contributes: { mcpServerDefinitionProviders: { id: string }[] };
    };
    assert.deepEqual(
      contributes.mcpServerDefinitionProviders.map(({ id }) => id),
      ['heyvm.mcp'],
    );
  });
});
