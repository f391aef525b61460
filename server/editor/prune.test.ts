// Servers of editors that were fetched: which of them go, and that none goes that a window may be using.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unneededServers } from './prune.ts';

describe('fetched servers of editors', () => {
  const now = Date.now();
  const monthsAgo = new Date(now - 31 * 24 * 3600 * 1000);
  let servers: string;
  beforeEach(() => {
    servers = mkdtempSync(join(tmpdir(), 'hv-servers-'));
    for (const name of ['stable-old', 'stable-new', `stable-new.${process.pid}`, 'stable-new.4194304'])
      mkdirSync(join(servers, name));
    for (const name of ['stable-old.json', 'stable-new.json']) writeFileSync(join(servers, name), '{}');
    utimesSync(join(servers, 'stable-old.json'), monthsAgo, monthsAgo);
  });
  afterEach(() => rmSync(servers, { recursive: true, force: true }));

  const found = (inUse: boolean) => unneededServers({ servers }, { now, inUse });

  it('go when they are old, with what killed downloads left', () => {
    assert.deepEqual(
      found(false),
      ['stable-new.4194304', 'stable-old', 'stable-old.json'].map(name => join(servers, name)),
    );
  });

  it('stay while a sandbox runs, but for what killed downloads left', () => {
    assert.deepEqual(found(true), [join(servers, 'stable-new.4194304')]);
  });

  it('are none where nothing was fetched', () => {
    assert.deepEqual(unneededServers({ servers: join(servers, 'nowhere') }, { now, inUse: false }), []);
  });
});
