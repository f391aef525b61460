// Single commits of a branch, listed and taken over by the command line.
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { helperContract } from '../../server/protocol/helper.ts';
import { PickResult } from '../../server/protocol/reviewMethods.ts';
import { errorOf, makeWorld, needEngine, type World } from './support/world.ts';

describe('heyvm wt --cherry-pick', () => {
  let world: World;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
  });
  after(() => world?.end());

  it('lists the commits that could be picked, and takes those that are named, all or none', async () => {
    const wt = (...args: string[]) => world.json(['wt', 'picky', ...args]);
    await wt('--detach');
    const write = (file: string) =>
      `echo ${file} > ${file} && git add ${file} && git commit -qm "Add ${file}"`;
    const script = ['one', 'two', 'three'].map(write).join(' && ');
    const made = await world.heyvm(['exec', 'wt-picky', '--', 'sh', '-c', script]);
    assert.equal(made.code, 0, made.stderr);
    const offered = async () => z.parse(helperContract['worktree/commits'].result, await wt('--commits'));
    const { into, commits } = await offered();
    assert.equal(into, 'main');
    assert.deepEqual(
      commits.map(({ subject }) => subject),
      ['Add one', 'Add two', 'Add three'],
    );
    const [one = '', two = '', three = ''] = commits.map(({ id }) => id);
    assert.match((await world.heyvm(['wt', 'picky', '--commits'])).stdout, /COMMIT +AGE[\s\S]*Add three/);

    const before = await world.git('rev-parse', 'main');
    const none = ['--cherry-pick', two, '--cherry-pick', '0'.repeat(40), '--format', 'json'];
    const refused = await world.heyvm(['wt', 'picky', ...none]);
    assert.deepEqual([refused.code, errorOf(refused).code], [3, 'branch-not-found']);
    const unknown = await world.heyvm(['wt', 'picky', '--cherry-pick', 'main']);
    assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
    assert.match(unknown.stderr, /at least four digits of it, not "main"[\s\S]*--commits/);
    assert.equal(await world.git('rev-parse', 'main'), before);

    const picked = z.parse(PickResult, await wt('--cherry-pick', three.slice(0, 9), '--cherry-pick', one));
    assert.deepEqual(picked, {
      branch: 'picky',
      into: 'main',
      commit: (await world.git('rev-parse', 'main')).trim(),
      taken: 2,
    });
    assert.equal(await world.git('log', '-2', '--format=%s', 'main'), 'Add one\nAdd three\n');
    assert.equal(existsSync(join(world.repository, 'two')), false);
    assert.deepEqual(
      (await offered()).commits.map(({ id }) => id),
      [two],
    );
    const again = await world.heyvm(['wt', 'picky', '--cherry-pick', one]);
    assert.deepEqual([again.code, again.stdout], [0, 'main has the changes of this commit already\n']);
    await wt('--remove', '--force');
  });
});
