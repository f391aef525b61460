// Start, Stop, Restart, Remove and the commands that show something, on real sandboxes.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvm, heyvmOk, listed, product, removeAll } from '../support/product.ts';

describe('the life of a sandbox', () => {
  let sandbox: SandboxInfo;

  before(async () => {
    sandbox = await command<SandboxInfo>('heyvm.newSandbox', { name: 'life', open: 'none' });
  });

  after(removeAll);

  const pidOf = async () => (await listed()).find(({ id }) => id === sandbox.id)?.owner?.pid;

  it('begins running, with nothing but its own loopback', async () => {
    assert.equal(sandbox.status, 'running');
    assert.equal(sandbox.policy.network, 'none');
    assert.equal((await heyvmOk('exec', 'life', '--', 'id', '-un')).trim(), 'dev');
  });

  it('stops and starts again, and its files are still there', async () => {
    await heyvmOk('exec', 'life', '--', 'sh', '-c', 'echo kept > /workspace/kept.txt');
    const stopped = await command<SandboxInfo>('heyvm.stop', { sandbox: 'life' });
    assert.equal(stopped.status, 'stopped');
    assert.equal((await heyvm('exec', 'life', '--', 'true')).code, 125);
    const started = await command<SandboxInfo>('heyvm.start', { sandbox: sandbox.id });
    assert.equal(started.status, 'running');
    assert.equal(await heyvmOk('exec', 'life', '--', 'cat', '/workspace/kept.txt'), 'kept\n');
  });

  it('restarts with another owner', async () => {
    const before = await pidOf();
    const restarted = await command<SandboxInfo>('heyvm.restart', { sandbox: { id: sandbox.id } });
    assert.equal(restarted.status, 'running');
    const after = await pidOf();
    assert.ok(before !== undefined && after !== undefined && before !== after);
  });

  it('has a log that can be read', async () => {
    const document = await command<vscode.TextDocument>('heyvm.showLog', { sandbox: 'life' });
    assert.equal(document.uri.scheme, 'heyvm-log');
    assert.ok(document.getText().length > 0);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('has its log as channels too, which grow while they are open', async () => {
    const { logFolder } = await product();
    const names = await command<readonly string[]>('heyvm.showLogChannels', { sandbox: 'life' });
    assert.ok(names.includes('heyvm life owner'), names.join(', '));
    const said = () => {
      const file = join(logFolder, 'heyvm life owner.log');
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    };
    await eventually(() => /\[info\] .*owner \d+ of life/.test(said()), { what: 'the lines of the owner' });
    const before = said().split(' running').length;
    await command('heyvm.restart', { sandbox: 'life' });
    await eventually(() => said().split(' running').length > before, { what: 'the lines after the restart' });
    await vscode.commands.executeCommand('workbench.action.closePanel');
  });

  it('gives its ssh command', async () => {
    assert.equal(
      await command<string>('heyvm.copySshCommand', { sandbox: 'life' }),
      `ssh ${sandbox.ssh.alias}`,
    );
    await eventually(async () => (await vscode.env.clipboard.readText()) === `ssh ${sandbox.ssh.alias}`);
  });

  it('fails in words when there is no such sandbox', async () => {
    await assert.rejects(command('heyvm.start', { sandbox: 'nowhere' }), { code: 'sandbox-not-found' });
  });

  it('is gone when it was removed', async () => {
    await command('heyvm.remove', { sandbox: 'life', confirmed: 'sandbox' });
    assert.equal((await heyvm('get', 'life')).code, 3);
  });
});
