// Twenty at once: of one name or branch there is one sandbox, of twenty there are twenty.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Engine, newEngine, processesOf } from '../process/support/engine.ts';
import { type Ended, needCommandLine, startCommandIn } from './support/commands.ts';

const CROWD = 20;
const everyone = Array.from({ length: CROWD }, (_, index) => index);

describe('twenty at once', function () {
  this.timeout(600_000);
  let engine: Engine;

  before(needCommandLine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  const all = (line: (index: number) => readonly string[], cwd = '/'): Promise<Ended[]> =>
    Promise.all(everyone.map(index => startCommandIn({ home: engine.home, cwd }, ...line(index)).ended));
  const owners = () => processesOf(engine.paths).filter(({ command }) => command.includes('__sandbox_owner'));
  const assertUsable = async (count: number): Promise<void> => {
    const { sandboxes, problems } = await engine.call('sandbox/list', {});
    assert.deepEqual(problems, []);
    assert.deepEqual(
      sandboxes.map(({ status }) => status),
      new Array(count).fill('running'),
    );
    assert.equal(owners().length, count);
    for (const { id } of sandboxes) assert.equal((await engine.exec(id, 'echo', 'fine')).out, 'fine\n');
  };

  it('make one sandbox of one name, and nineteen hear that it is taken', async () => {
    const ends = await all(() => ['create', '--name', 'same', '--format', 'json']);
    assert.equal(ends.filter(({ code }) => code === 0).length, 1);
    for (const { code, stderr } of ends.filter(end => end.code !== 0)) {
      assert.equal(code, 6, stderr);
      assert.match(stderr, /name-taken/);
    }
    await assertUsable(1);
  });

  it('make twenty sandboxes of twenty names', async () => {
    const ends = await all(index => ['create', '--name', `box-${index}`]);
    assert.deepEqual(
      ends.map(({ code, stderr }) => (code === 0 ? '' : stderr)),
      new Array(CROWD).fill(''),
    );
    await assertUsable(CROWD);
  });

  it('open one sandbox of one branch, and twenty of twenty', async () => {
    const repository = join(engine.home, '..', 'repository');
    mkdirSync(repository);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', repository, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    git('init', '-q');
    git('-c', 'user.name=T', '-c', 'user.email=t@example.invalid', 'commit', '--allow-empty', '-qm', 'first');
    const open = (branch: string) => ['wt', branch, '--detach', '--format', 'json'];
    const same = await all(() => open('feature/same'), repository);
    assert.deepEqual(
      same.map(({ code, stderr }) => (code === 0 ? '' : stderr)),
      new Array(CROWD).fill(''),
    );
    await assertUsable(1);
    const different = await all(index => open(`feature/${index}`), repository);
    assert.deepEqual(
      different.map(({ code, stderr }) => (code === 0 ? '' : stderr)),
      new Array(CROWD).fill(''),
    );
    await assertUsable(CROWD + 1);
    assert.equal(git('worktree', 'list', '--porcelain').match(/^worktree /gm)?.length, CROWD + 2);
    assert.equal(git('fsck', '--no-progress'), '');
  });
});
