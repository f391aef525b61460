// The key pair of a store: private, made once, the same for everybody who asks.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { managedKey } from '../../server/store/managedKey.ts';
import { pathsOf } from '../../server/store/paths.ts';

describe('the managed key', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'heyvm-key-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is made with the first question, for its owner alone, and stays', async () => {
    const paths = pathsOf({ HEYO_HOME: folder });
    const answers = await Promise.all([1, 2, 3].map(() => managedKey(paths)));
    assert.match(answers[0] ?? '', /^ssh-ed25519 [A-Za-z0-9+/=]+$/);
    assert.equal(new Set([...answers, await managedKey(paths)]).size, 1);
    assert.equal(statSync(join(folder, 'keys', 'id_ed25519')).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'keys')).mode & 0o777, 0o700);
  });
});
