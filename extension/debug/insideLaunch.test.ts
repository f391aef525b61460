// What becomes of a launch in a window on a worktree, as a table.
import { strict as assert } from 'node:assert';
import { type Configuration, launchInside, programOf } from './insideLaunch.ts';

const folder = '/home/me/tea';
const node = { type: 'pwa-node', request: 'launch', name: 'tea', program: '/home/me/tea/src/app.js' };

describe('debugging in a window on a worktree', () => {
  it('starts a program of node inside, waiting for the debugger, and attaches with the folders told apart', () => {
    const launch = launchInside({ ...node, args: ['green', 2], skipFiles: ['<node_internals>/**'] }, folder);
    assert.ok(launch.kind === 'inside');
    const words = ['/workspace/src/app.js', 'green', '2'];
    assert.deepEqual(launch.run, { words, cwd: '/workspace', env: {} });
    assert.deepEqual(programOf(launch.run, 9230), ['node', '--inspect-brk=127.0.0.1:9230', ...words]);
    assert.deepEqual(launch.attach, {
      ...{ type: 'pwa-node', name: 'tea', skipFiles: ['<node_internals>/**'] },
      ...{ request: 'attach', address: '127.0.0.1', localRoot: '/home/me/tea', remoteRoot: '/workspace' },
      ...{ continueOnAttach: true, timeout: 60_000 },
    });
  });

  it('gives it its folder, its variables and its options of node, and stops at once when asked to', () => {
    const more = {
      cwd: '/home/me/tea/src',
      env: { A: '1', B: null },
      runtimeArgs: ['--test'],
      stopOnEntry: true,
    };
    const launch = launchInside({ ...node, ...more }, folder);
    assert.ok(launch.kind === 'inside');
    assert.deepEqual(launch.run.words, ['--test', '/workspace/src/app.js']);
    assert.deepEqual([launch.run.cwd, launch.run.env], ['/workspace/src', { A: '1' }]);
    assert.equal(launch.attach['continueOnAttach'], false);
  });

  const attaching: Readonly<Record<string, Configuration>> = {
    'an attach': { type: 'node', request: 'attach', port: 9229 },
    'a child of a session that runs': { ...node, __pendingTargetId: '7' },
  };
  for (const [name, configuration] of Object.entries(attaching))
    it(`leaves ${name} as it is`, () => assert.equal(launchInside(configuration, folder).kind, 'attaches'));

  const refused: readonly (readonly [Configuration, RegExp])[] = [
    [{ type: 'debugpy', request: 'launch', program: 'a.py' }, /none of the type debugpy/],
    [{ type: 'node-terminal', request: 'launch', command: 'npm test' }, /none of the type node-terminal/],
    [{ ...node, runtimeExecutable: 'npm' }, /"runtimeExecutable" is "npm"/],
    [{ ...node, program: undefined }, /no "program"/],
    [{ ...node, program: '/home/me/other/app.js' }, /"program" is not in the worktree/],
    [{ ...node, program: '/home/me/tea/../app.js' }, /"program" is not in the worktree/],
    [{ ...node, cwd: '/tmp' }, /"cwd" is not in the worktree/],
    [{ ...node, envFile: '/home/me/tea/.env' }, /"envFile"/],
    [{ ...node, args: 'a | b' }, /"args" is a line for a shell/],
  ];
  for (const [configuration, why] of refused)
    it(`says why it would run ${JSON.stringify(configuration)} on this machine`, () => {
      const launch = launchInside(configuration, folder);
      assert.match(launch.kind === 'outside' ? launch.why : launch.kind, why);
    });
});
