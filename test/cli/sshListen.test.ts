// ssh on a port of loopback: only on request, only with the key, and the same after a restart.
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasProgram } from '../ssh/support/run.ts';
import { makeWorld, needEngine, type Outcome, type World } from './support/world.ts';

describe('heyvm ssh-listen', () => {
  let world: World;
  let id: string;
  let port: number;

  before(async function () {
    needEngine(this);
    if (!(await hasProgram('ssh'))) {
      console.log('not run: ssh is not installed');
      this.skip();
    }
    world = await makeWorld();
    ({ id } = (await world.json(['create', '--name', 'box'])) as { id: string });
  });
  after(() => world?.end());

  const config = () => join(world.store, 'ssh', 'config');
  const key = () => join(world.store, 'sandboxes', id, 'ssh_client_ed25519_key');
  const listenOf = async () => {
    const { ssh } = (await world.json(['get', 'box'])) as {
      ssh: { listen?: { alias: string; port?: number } };
    };
    return ssh.listen;
  };
  const ssh = async (...words: string[]): Promise<Outcome> => {
    try {
      const done = await promisify(execFile)('ssh', ['-F', config(), '-o', 'BatchMode=yes', ...words]);
      return { code: 0, ...done };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  };

  it('is off until it is asked for', async () => {
    assert.equal(await listenOf(), undefined);
    assert.doesNotMatch(readFileSync(config(), 'utf8'), /direct/);
    assert.equal(existsSync(key()), false);
  });

  it('gives a second alias with a port and a key, and no proxy', async () => {
    const done = (await world.json(['ssh-listen', 'box'])) as { alias: string; port: number };
    ({ port } = done);
    assert.deepEqual(done, { alias: 'direct.heyvm-box', port });
    assert.deepEqual(await listenOf(), done);
    assert.equal(statSync(key()).mode & 0o777, 0o600);
    const told = await ssh('-G', done.alias);
    assert.doesNotMatch(told.stdout, /^proxycommand/m);
    const said = await ssh(done.alias, 'id -un; hostname');
    assert.equal(said.stdout, 'dev\nbox\n', said.stderr);
  });

  it('lets nobody in without the key', async () => {
    const none = await ssh(
      '-o',
      'IdentityFile=none',
      '-o',
      'PubkeyAuthentication=no',
      'direct.heyvm-box',
      'true',
    );
    assert.equal(none.code, 255);
    assert.match(none.stderr, /Permission denied \(publickey\)/);
    const other = join(world.folder, 'other');
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    const direct = [
      '-F',
      'none',
      '-i',
      other,
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
    ];
    const wrong = await ssh(
      ...direct,
      '-o',
      'IdentitiesOnly=yes',
      '-p',
      String(port),
      'dev@127.0.0.1',
      'true',
    );
    assert.equal(wrong.code, 255);
    assert.match(wrong.stderr, /Permission denied \(publickey\)/);
  });

  it('still lets everybody of this user in through the proxy without one', async () => {
    assert.equal((await ssh('heyvm-box', 'echo in')).stdout, 'in\n');
  });

  it('has the same port and key after a restart', async () => {
    await world.json(['restart', 'box']);
    assert.equal((await listenOf())?.port, port);
    assert.equal((await ssh('direct.heyvm-box', 'echo again')).stdout, 'again\n');
  });

  it('says that there is no port while the sandbox is stopped', async () => {
    await world.json(['stop', 'box']);
    assert.deepEqual(await listenOf(), { alias: 'direct.heyvm-box' });
    assert.equal(await reached(port), false);
    await world.json(['start', 'box']);
    assert.equal(await reached(port), true);
  });

  it('ends when it is told to, with its key', async () => {
    await world.json(['ssh-listen', 'box', '--off']);
    assert.equal(await listenOf(), undefined);
    assert.equal(await reached(port), false);
    assert.equal(existsSync(key()), false);
    assert.doesNotMatch(readFileSync(config(), 'utf8'), /direct/);
  });
});

function reached(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
