// What the extension does before anybody asks it for something: almost nothing.
import { strict as assert } from 'node:assert';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { extension, product } from '../support/product.ts';

describe('activation', () => {
  it('starts no helper', async () => {
    const { helper, activationMs } = await product();
    assert.equal(helper.state.kind, 'idle');
    console.log(`      the synchronous part took ${activationMs.toFixed(1)} ms`);
  });

  it('loads less than 250 KB before anything is opened', () => {
    const { size } = statSync(join(extension().extensionPath, 'dist', 'extension.cjs'));
    assert.ok(size > 1_000 && size < 250_000, `extension.cjs has ${size} bytes`);
  });

  it('keeps the language client in a bundle of its own', () => {
    const text = readFileSync(join(extension().extensionPath, 'dist', 'extension.cjs'), 'utf8');
    assert.ok(text.includes('./client.cjs'));
    assert.ok(!text.includes('Content-Length'));
  });

  it('keeps the page of the doctor in bundles of its own', () => {
    const folder = join(extension().extensionPath, 'dist');
    assert.ok(!readFileSync(join(folder, 'extension.cjs'), 'utf8').includes('createWebviewPanel'));
    for (const name of ['doctor.cjs', join('webview', 'doctor.js')]) {
      const { size } = statSync(join(folder, name));
      assert.ok(size > 1_000 && size < 60_000, `${name} has ${size} bytes`);
    }
  });

  it('asks for no proposed API and polls nothing', () => {
    const read = (name: string) => readFileSync(join(extension().extensionPath, 'dist', name), 'utf8');
    const text = ['extension.cjs', 'doctor.cjs', 'client.cjs'].map(read).join('\n');
    const manifest: unknown = extension().packageJSON;
    assert.ok(typeof manifest === 'object' && manifest !== null && !('enabledApiProposals' in manifest));
    const proposed = [
      'registerRemoteAuthorityResolver',
      'registerResourceLabelFormatter',
      'remoteAuthority',
      'openTunnel',
      'registerPortAttributesProvider',
      'registerChatSessionItemProvider',
      'onDidWriteTerminalData',
      'registerTimelineProvider',
      'registerFileSearchProvider',
      'registerTextSearchProvider',
    ];
    assert.deepEqual(
      proposed.filter(symbol => new RegExp(`\\.${symbol}\\b`).test(text)),
      [],
    );
    assert.ok(!read('extension.cjs').includes('setInterval'));
    assert.ok(!read('doctor.cjs').includes('setInterval'));
  });
});
