// The doctor looks at this machine and says what it found.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Check } from '../../../server/protocol/doctor.ts';
import { command, product } from '../support/product.ts';

describe('the doctor', () => {
  it('looks at the store, the backends and the editor, and mends what it names as broken', async () => {
    const checks = await command<readonly Check[]>('heyvm.runDoctor', { open: 'none' });
    assert.ok(checks.length > 3);
    assert.ok(checks.some(({ id }) => id === 'editor:remote-ssh'));
    for (const check of checks) {
      if (check.state === 'error') assert.ok(check.fix, `${check.id} is broken and has no fix`);
    }
  });

  it('lists backends with what this machine has', async () => {
    const { helper } = await product();
    const { backends } = await helper.call('backend/list', { probe: true });
    assert.ok(backends.some(({ availability }) => availability?.kind === 'ready'));
  });

  it('saves a support bundle with what the editor knows, and without what is secret there', async () => {
    const { Global } = vscode.ConfigurationTarget;
    const secret = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`;
    const folder = mkdtempSync(join(tmpdir(), 'hvs-'));
    const to = join(folder, 'bundle.tar.gz');
    await vscode.workspace.getConfiguration('heyvm').update('backend', secret, Global);
    try {
      const { redacted } = await command<{ redacted: number }>('heyvm.saveSupportBundle', { to });
      assert.ok(redacted > 0);
      const everything = execFileSync('tar', ['-xzOf', to], { encoding: 'utf8' });
      assert.ok(everything.includes(`"version": "${vscode.version}"`));
      assert.match(everything, /helper \S+ runs as process \d+/);
      assert.ok(!everything.includes(secret));
    } finally {
      await vscode.workspace.getConfiguration('heyvm').update('backend', undefined, Global);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
