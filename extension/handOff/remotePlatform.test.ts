// What the editor is told about the system of sandboxes.
import { strict as assert } from 'node:assert';
import { knowsPlatform, withPlatform } from './remotePlatform.ts';

const own = { host: 'macOS', 'heyvm-old': 'linux', 'heyvm-odd': 'windows' };

describe('the platform of sandboxes', () => {
  it('is one entry for all where the extension takes a star', () => {
    const told = withPlatform(own, { alias: 'heyvm-wt-a', extension: 'ms-vscode-remote.remote-ssh' });
    assert.deepEqual(told, { host: 'macOS', 'heyvm-odd': 'windows', 'heyvm-*': 'linux' });
    assert.ok(knowsPlatform(told, 'heyvm-wt-b'));
  });

  for (const extension of ['jeanp413.open-remote-ssh', 'anysphere.remote-ssh', undefined]) {
    it(`is an entry for each with ${extension}`, () => {
      const told = withPlatform(own, { alias: 'heyvm-wt-a', extension });
      assert.deepEqual(told, { ...own, 'heyvm-wt-a': 'linux' });
      assert.ok(knowsPlatform(told, 'heyvm-wt-a') && !knowsPlatform(told, 'heyvm-wt-b'));
    });
  }
});
