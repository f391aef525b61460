// From a record to a launch request: what the guest sees, and in which order.
import { strict as assert } from 'node:assert';
import { SandboxId } from '../protocol/sandbox.ts';
import { type Launchable, launchRequestOf, userOf } from './launch.ts';
import { suggestName } from './names.ts';

describe('a launch request', () => {
  const record: Launchable = {
    id: SandboxId.parse('sb-00000001'),
    name: 'one',
    type: 'general',
    runtime: 'shell',
    workspace: { path: '/tree' },
    mounts: [{ source: '/data', target: '/data', mode: 'ro' }],
    env: { A: '1' },
    policy: { network: { mode: 'none' } },
    limits: { pids: 5 },
  };

  it('shows the workspace first, then what was asked for, and what protects git over both', () => {
    const git = { source: '/repo/.git', target: '/repo/.git', mode: 'ro' } as const;
    const request = launchRequestOf(record, {
      gitMounts: [git],
      options: { strict: true },
      owner: { uid: 1000, gid: 1000 },
    });
    assert.deepEqual(
      request.mounts.map(({ target }) => target),
      ['/workspace', '/data', '/repo/.git'],
    );
    assert.deepEqual(request.options, { strict: true });
    assert.equal(request.network, 'none');
    assert.equal('image' in request, false);
    assert.deepEqual(userOf(request), { name: 'dev', home: '/home/dev' });
  });

  it('has the user that was asked for, with a home of that name', () => {
    const owner = { uid: 1000, gid: 1000 };
    const request = launchRequestOf({ ...record, user: 'vscode' }, { gitMounts: [], options: {}, owner });
    assert.deepEqual(userOf(request), { name: 'vscode', home: '/home/vscode' });
  });
});

describe('a name that nobody chose', () => {
  it('is not one that is taken, even when chance insists', () => {
    const first = suggestName(() => 0, new Set());
    const second = suggestName(() => 0, new Set([first]));
    assert.notEqual(first, second);
    assert.match(second, /^[a-z0-9][a-z0-9-]*$/);
  });
});
