// The helper may die at any time: the window says so, comes back, and sandboxes do not notice.
import { strict as assert } from 'node:assert';
import type { Api } from '../../../extension/api.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvmOk, listed, product, removeAll } from '../support/product.ts';

describe('the helper', () => {
  let api: Api;

  before(async () => {
    api = await product();
    await command('heyvm.refresh');
    await command<SandboxInfo>('heyvm.newSandbox', { name: 'survivor', open: 'none' });
  });

  after(removeAll);

  function pid(): number | undefined {
    const { state } = api.helper;
    return state.kind === 'running' ? state.pid : undefined;
  }

  /** Ends the helper the hard way and gives the process that follows it. */
  async function killed(): Promise<number> {
    const old = await eventually(pid, { what: 'a running helper' });
    process.kill(old, 'SIGKILL');
    return await eventually(() => pid() !== old && pid(), { what: 'the next helper' });
  }

  it('comes back after signal 9, and the sandbox does not notice', async () => {
    const owner = (await listed()).find(({ name }) => name === 'survivor')?.owner?.pid;
    const states: string[] = [];
    const listening = api.helper.onDidChangeState(({ kind }) => states.push(kind));
    await killed();
    listening.dispose();
    assert.deepEqual(states, ['waiting', 'starting', 'running']);
    assert.equal((await listed()).find(({ name }) => name === 'survivor')?.owner?.pid, owner);
    assert.equal(await heyvmOk('exec', 'survivor', '--', 'echo', 'alive'), 'alive\n');
    await heyvmOk('create', '--name', 'later');
    await eventually(() => api.sandboxes.all.some(({ name }) => name === 'later'), {
      what: 'a push from the next helper',
    });
  });

  it('asks again by itself for what only reads, and fails clearly for the rest', async () => {
    const old = await eventually(pid);
    const reading = Promise.all(
      Array.from({ length: 8 }, () => api.helper.call('backend/list', { probe: true })),
    );
    const writing = api.helper.call('sandbox/restart', { sandbox: 'survivor' });
    process.kill(old, 'SIGKILL');
    assert.equal((await reading).length, 8);
    await assert.rejects(writing, /helper ended during sandbox\/restart/);
    await eventually(async () => {
      await command('heyvm.start', { sandbox: 'survivor' });
      return (await listed()).find(({ name }) => name === 'survivor')?.status === 'running';
    });
  });

  it('is not started a sixth time, says so, and comes back on request', async () => {
    for (;;) {
      const old = await eventually(() => api.helper.state.kind === 'given-up' || pid());
      if (old === true) break;
      process.kill(old, 'SIGKILL');
      await eventually(() => pid() !== old);
    }
    await assert.rejects(command('heyvm.refresh'), /helper does not run/);
    assert.match(api.statusBar.text, /warning/);
    await command('heyvm.restartHelper');
    assert.equal(api.helper.state.kind, 'running');
    await command('heyvm.refresh');
    assert.ok(api.sandboxes.all.some(({ name }) => name === 'survivor'));
  });
});
