// The ssh door of a running owner: what is wrong with it must not reach the guest.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectOwner } from '../../server/owner/connect.ts';
import { connect } from '../../server/platform/sockets.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { findEntry } from '../../server/store/sandboxes.ts';
import { eventually } from '../support/eventually.ts';
import { type Engine, needEngine, newEngine } from './support/engine.ts';

describe('the ssh door of an owner', function () {
  this.timeout(120_000);
  let engine: Engine;
  before(needEngine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  const greeting = async (path: string): Promise<string> => {
    const socket = await connect(path);
    let said = '';
    socket.on('error', () => {}).on('end', () => socket.destroy());
    socket.on('data', chunk => {
      said += String(chunk);
      socket.destroy();
    });
    await once(socket, 'close');
    return said;
  };

  it('stays shut with a host key of which only the public half is whole, and opens with a good one', async () => {
    const { id } = await engine.create({ name: 'one' });
    const { hostKey, sshSocket } = sandboxPaths(engine.paths, id);
    const good = readFileSync(hostKey, 'utf8');
    const lines = good.trimEnd().split('\n');
    const spoilt = lines.map((line, index) =>
      index >= 3 && index < lines.length - 1 ? 'A'.repeat(70) : line,
    );
    writeFileSync(hostKey, `${spoilt.join('\n')}\n`);
    assert.equal(await greeting(sshSocket), '');
    assert.equal((await engine.exec('one', 'echo', 'fine')).out, 'fine\n');
    writeFileSync(hostKey, good);
    assert.match(await greeting(sshSocket), /^SSH-2\.0-heyvm/);
  });

  it('is shut from the moment when the end was asked for, while who is inside still finishes', async () => {
    const workspace = join(engine.home, '..', 'mine');
    mkdirSync(workspace);
    const { id } = await engine.create({ name: 'one', workspace });
    const { sshSocket } = sandboxPaths(engine.paths, id);
    const { guest } = connectOwner(await findEntry(engine.paths, 'one'));
    const script =
      "trap '' TERM HUP INT; echo ready; until [ -e go ]; do sleep 0.05; done; echo whole > finished";
    const finishing = await guest.exec({ argv: ['sh', '-c', script] });
    await once(finishing.stdout, 'data');
    assert.match(await greeting(sshSocket), /^SSH-2\.0-heyvm/);
    const stopped = engine.call('sandbox/stop', { sandbox: 'one', grace_ms: 60_000 });
    await eventually(async () => (await engine.get('one')).status === 'stopping', { what: 'its end' });
    await assert.rejects(greeting(sshSocket), /ENOENT|ECONNREFUSED/);
    writeFileSync(join(workspace, 'go'), '');
    await stopped;
    assert.equal(readFileSync(join(workspace, 'finished'), 'utf8'), 'whole\n');
  });
});
