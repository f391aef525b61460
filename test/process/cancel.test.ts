// What is refused or cancelled leaves nothing behind, at whatever moment.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxSpec } from '../../server/protocol/sandbox.ts';
import { acquireLock } from '../../server/store/lock.ts';
import { eventually } from '../support/eventually.ts';
import { type Engine, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('a sandbox that is not made', function () {
  this.timeout(120_000);
  let engine: Engine;

  before(needEngine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  const entriesOf = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);
  const assertNothing = async () => {
    const { sandboxes, problems } = await engine.call('sandbox/list', {});
    assert.deepEqual([sandboxes, problems], [[], []]);
    const { sandboxes: folder, trash, run, locks } = engine.paths;
    assert.deepEqual([folder, trash, run].map(entriesOf), [[], [], []]);
    assert.deepEqual(
      entriesOf(locks).filter(name => name.includes('sb-')),
      [],
    );
    await eventually(() => processesOf(engine.paths).length === 0);
  };

  for (const phase of ['checking', 'preparing', 'starting guest']) {
    it(`leaves nothing when it is cancelled while it says "${phase}"`, async () => {
      const controller = new AbortController();
      const phases: string[] = [];
      const made = engine.call(
        'sandbox/create',
        { spec: { name: 'one' } },
        {
          signal: controller.signal,
          progress: progress => {
            phases.push(progress.phase);
            if (progress.phase === phase) controller.abort();
          },
        },
      );
      await assert.rejects(made, { code: 'cancelled' });
      assert.equal(phases.at(-1), phase);
      await assertNothing();
      assert.equal((await engine.create({ name: 'one' })).status, 'running');
    });
  }

  it('leaves nothing when it is cancelled at moments that no phase marks', async () => {
    for (let moment = 0; moment < 12; moment += 1) {
      const controller = new AbortController();
      const made = engine.call('sandbox/create', { spec: { name: 'one' } }, { signal: controller.signal });
      setTimeout(() => controller.abort(), moment * 25);
      try {
        await made;
        await engine.call('sandbox/remove', { sandbox: 'one', force: true });
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'cancelled');
      }
      await assertNothing();
    }
  });

  it('is not begun with a signal that was aborted before', async () => {
    await assert.rejects(engine.call('sandbox/create', { spec: {} }, { signal: AbortSignal.abort() }), {
      code: 'cancelled',
    });
    assert.ok(!existsSync(engine.home));
  });

  const refusals: readonly {
    what: string;
    spec: (home: string) => SandboxSpec;
    code: string;
    told: RegExp;
  }[] = [
    {
      what: 'a backend that nobody knows',
      spec: () => ({ backend: 'bubblwrap' }),
      code: 'backend-unknown',
      told: /bubblwrap/,
    },
    {
      what: 'a network that cannot be enforced',
      spec: () => ({ network: 'allowlist' }),
      code: 'policy-unenforceable',
      told: /allowlist/,
    },
    {
      what: 'a workspace that does not exist',
      spec: home => ({ workspace: `${home}/nowhere` }),
      code: 'path-not-found',
      told: /nowhere/,
    },
    {
      what: 'a workspace that is a file',
      spec: home => ({ workspace: `${home}/file` }),
      code: 'usage',
      told: /not a folder/,
    },
    {
      what: 'a workspace that is not absolute',
      spec: () => ({ workspace: 'here' }),
      code: 'usage',
      told: /absolute/,
    },
    {
      what: 'the whole file system',
      spec: () => ({ workspace: '/' }),
      code: 'policy-refused',
      told: /whole file system/,
    },
    {
      what: 'a workspace that holds the store',
      spec: home => ({ workspace: home }),
      code: 'policy-refused',
      told: /controls every sandbox/,
    },
    {
      what: 'a link to the store',
      spec: home => ({ workspace: `${home}/link` }),
      code: 'policy-refused',
      told: /controls every sandbox/,
    },
    {
      what: 'a mount of the store',
      spec: home => ({ mounts: [{ source: `${home}/h`, target: '/x', mode: 'ro' }] }),
      code: 'policy-refused',
      told: /controls/,
    },
    {
      what: 'a mount that goes up',
      spec: home => ({ mounts: [{ source: `${home}/folder/../file`, target: '/x', mode: 'ro' }] }),
      code: 'usage',
      told: /\.\./,
    },
    {
      what: 'a mount on the root',
      spec: home => ({ mounts: [{ source: `${home}/file`, target: '/x/../..', mode: 'ro' }] }),
      code: 'usage',
      told: /target/,
    },
    {
      what: 'a name that cannot be a host',
      spec: () => ({ name: 'Not a name' }),
      code: 'usage',
      told: /name/,
    },
  ];
  for (const { what, spec, code, told } of refusals) {
    it(`is refused before anything is written, with ${what}`, async () => {
      const around = join(engine.home, '..');
      mkdirSync(engine.home);
      mkdirSync(join(around, 'folder'));
      writeFileSync(join(around, 'file'), '');
      symlinkSync(engine.home, join(around, 'link'));
      await assert.rejects(engine.create(spec(around)), { code, message: told });
      assert.deepEqual(readdirSync(engine.home), []);
    });
  }

  it('is refused under a name that is taken, and the one that has it goes on', async () => {
    const { id } = await engine.create({ name: 'one' });
    await assert.rejects(engine.create({ name: 'one' }), { code: 'name-taken', hint: /heyvm rm one/ });
    assert.deepEqual(readdirSync(engine.paths.sandboxes), [id]);
    assert.equal((await engine.exec('one', 'echo', 'fine')).out, 'fine\n');
  });

  it('does not keep a start from being cancelled while another command has the sandbox', async () => {
    const { id } = await engine.create({ name: 'one' });
    await engine.call('sandbox/stop', { sandbox: 'one' });
    const lock = await acquireLock(engine.paths, `sandbox-${id}`, { wait: 'fail' });
    const controller = new AbortController();
    const started = engine.call('sandbox/start', { sandbox: 'one' }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(started, { code: 'cancelled' });
    lock.release();
    assert.equal((await engine.get('one')).status, 'stopped');
  });

  it('but one that is made gets a name of its own when it is given none', async () => {
    const names = [await engine.create(), await engine.create()].map(({ name }) => name);
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.match(name, /^[a-z]+-[a-z]+$/);
  });
});
