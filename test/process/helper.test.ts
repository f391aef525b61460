// The helper as a process: its handshake, its methods, its errors, its pushes, and how it ends.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { helperContract } from '../../server/protocol/helper.ts';
import { PROTOCOL } from '../../server/protocol/version.ts';
import { touchChanged } from '../../server/store/changed.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { eventually } from '../support/eventually.ts';
import {
  type HelperProcess,
  helperFile,
  initialize,
  initializeParams,
  startHelper,
} from './support/helperProcess.ts';

describe('the helper', function () {
  this.timeout(20_000);
  let home: string;
  let helper: HelperProcess;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'hvh-'));
    helper = startHelper(home);
  });

  afterEach(async () => {
    await helper.kill();
    rmSync(home, { recursive: true, force: true });
  });

  it('answers the handshake with its protocol and its build', async () => {
    const result = (await initialize(helper)) as { heyvm: { protocol: unknown; build: string } };
    assert.deepEqual(result.heyvm.protocol, PROTOCOL);
    assert.ok(result.heyvm.build.length > 0);
  });

  it('refuses a surface of another major version, and says what to do', async () => {
    const asked = helper.connection.sendRequest('initialize', initializeParams(PROTOCOL.major + 1));
    await assert.rejects(asked, (error: { data?: { code?: string; hint?: string } }) => {
      assert.equal(error.data?.code, 'version-mismatch');
      assert.match(error.data?.hint ?? '', /reload/);
      return true;
    });
  });

  it('knows every method of the contract and checks its parameters', async () => {
    await initialize(helper);
    const methods = Object.keys(helperContract);
    assert.ok(methods.length > 15);
    for (const method of methods) {
      const asked = helper.connection.sendRequest(method, { params: 'not an object' });
      await assert.rejects(
        asked,
        (error: { data?: { code?: string } }) => error.data?.code === 'usage',
        method,
      );
      const bare = helper.connection.sendRequest(method, { workDoneToken: 7 });
      await assert.rejects(
        bare,
        (error: { data?: { code?: string } }) => error.data?.code === 'usage',
        method,
      );
    }
  });

  it('lists nothing in an empty store', async () => {
    await initialize(helper);
    assert.deepEqual(await helper.connection.sendRequest('sandbox/list', { params: {} }), {
      sandboxes: [],
      problems: [],
    });
  });

  it('passes a failure on with its code', async () => {
    await initialize(helper);
    const asked = helper.connection.sendRequest('sandbox/get', { params: { sandbox: 'nowhere' } });
    await assert.rejects(asked, (error: { data?: { code?: string; message?: string } }) => {
      assert.equal(error.data?.code, 'sandbox-not-found');
      assert.match(error.data?.message ?? '', /nowhere/);
      return true;
    });
  });

  it('pushes a change that another process made', async () => {
    await initialize(helper);
    let pushes = 0;
    helper.connection.onNotification('sandbox/changed', () => {
      pushes += 1;
    });
    await helper.connection.sendRequest('sandbox/list', { params: {} });
    const before = pushes;
    await eventually(() => {
      touchChanged(pathsOf({ HEYO_HOME: home }));
      return pushes > before;
    });
  });

  it('writes nothing but the protocol to stdout', async () => {
    await initialize(helper);
    await helper.connection.sendRequest('backend/list', { params: { probe: true } });
    let rest = helper.stdout().toString('latin1');
    let messages = 0;
    while (rest !== '') {
      const header = /^Content-Length: (\d+)\r\n\r\n/.exec(rest);
      assert.ok(header, rest.slice(0, 80));
      rest = rest.slice(header[0].length + Number(header[1]));
      messages += 1;
    }
    assert.ok(messages >= 2);
  });

  it('ends with status 0 after shutdown and exit', async () => {
    await initialize(helper);
    await helper.connection.sendRequest('shutdown');
    await helper.connection.sendNotification('exit');
    assert.equal(await helper.ended(), 0);
  });

  it('ends when its standard input ends', async () => {
    await initialize(helper);
    helper.child.stdin.end();
    await helper.ended();
  });

  it('ends when its parent is killed', async () => {
    const script = `const c = require('node:child_process').spawn(process.execPath, [${JSON.stringify(helperFile)}], {stdio: ['pipe', 'ignore', 'ignore']}); console.log(c.pid); setInterval(() => {}, 1000)`;
    const env = { ...process.env, HEYO_HOME: home };
    const parent = spawn(process.execPath, ['-e', script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>(resolve =>
      parent.stdout.once('data', chunk => resolve(String(chunk))),
    );
    const pid = Number(line);
    assert.ok(isAlive(pid));
    parent.kill('SIGKILL');
    await eventually(() => !isAlive(pid), { what: 'the end of the helper' });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No process has this number any more.
    return false;
  }
}
