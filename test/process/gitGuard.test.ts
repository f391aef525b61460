// What stands between a guest and the host's git where folders are shared and where the host changes its own files.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { type Engine, needEngine, newEngine } from './support/engine.ts';

describe('git of the host', function () {
  this.timeout(120_000);
  let engine: Engine;
  let folder: string;
  let repository: string;

  before(needEngine);
  beforeEach(() => {
    engine = newEngine({});
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvg-')));
    repository = join(folder, 'repo');
    git(folder, 'init', '-q', repository);
    git(repository, 'config', 'user.name', 'Somebody');
    git(repository, 'config', 'user.email', 'somebody@example.org');
    git(repository, 'commit', '-q', '--allow-empty', '-m', 'first');
  });
  afterEach(async () => {
    await engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is out of reach of a guest that is given the repository as its workspace', async () => {
    await engine.create({ name: 'plain', workspace: repository });
    const canary = join(folder, 'canary');
    const attack = [
      `echo '[core]\n fsmonitor = "touch ${canary}; false"' >> .git/config`,
      `printf '#!/bin/sh\\ntouch ${canary}\\n' > .git/hooks/post-checkout`,
      'mv .git .gone; rm -rf .git; ln -s /tmp .git',
      'echo inside > file',
    ].join('; ');
    await engine.exec('plain', 'sh', '-c', attack);
    assert.equal(readFileSync(join(repository, 'file'), 'utf8'), 'inside\n');
    git(repository, 'status');
    git(repository, 'checkout', '-q', '-b', 'other');
    assert.equal(existsSync(canary), false);
    assert.equal(git(repository, 'log', '--format=%s'), 'first\n');
  });

  it('is out of reach through a folder that is mounted besides', async () => {
    await engine.create({ name: 'mounted', mounts: [{ source: repository, target: '/repo', mode: 'rw' }] });
    const before = readFileSync(join(repository, '.git/config'), 'utf8');
    const { out } = await engine.exec(
      'mounted',
      'sh',
      '-c',
      'echo x >> /repo/.git/config; touch /repo/ok && echo $?',
    );
    assert.equal(out, '0\n');
    assert.equal(readFileSync(join(repository, '.git/config'), 'utf8'), before);
  });

  for (const type of ['general', 'code'] as const) {
    it(`is out of reach where a worktree is seen a second time, and git works there: ${type}`, async () => {
      const spec = {
        type,
        mounts: [
          { source: repository, target: '/repo', mode: 'rw' as const },
          { source: folder, target: '/all', mode: 'rw' as const },
        ],
      };
      const [path, branch] = [join(folder, 'twice'), 'twice'];
      const { sandbox } = await engine.call('worktree/open', { cwd: repository, branch, path, spec });
      const more = [{ source: path, target: '/again', mode: 'rw' as const }];
      await engine.call('sandbox/remove', { sandbox: sandbox.id, force: true });
      const again = { ...spec, mounts: [...spec.mounts, ...more] };
      await engine.call('worktree/open', { cwd: repository, branch, spec: again });
      const files = [...['twice/.git', 'repo/.git/config', 'repo/.git/HEAD']].map(name => join(folder, name));
      const contents = () => files.map(file => readFileSync(file, 'utf8'));
      const before = contents();
      const attack = [
        'for f in /again/.git /all/twice/.git /all/repo/.git/config /repo/.git/config /repo/.git/HEAD; do',
        'echo x 2>/dev/null >>$f && echo "wrote $f"; rm -f $f 2>/dev/null && echo "removed $f"; done;',
        'touch /again/fine /all/fine; cd /again && git add fine && git -c user.name=a -c user.email=a@b commit -qm fine',
        '&& git log -1 --format=%s',
      ].join('\n');
      const { out } = await engine.exec('wt-twice', 'sh', '-c', attack.replace('\n&&', ' &&'));
      assert.equal(out, 'fine\n');
      assert.deepEqual(contents(), before);
    });
  }

  it('is no folder that a sandbox may write in, whatever way leads there', async () => {
    symlinkSync(join(repository, '.git'), join(folder, 'way'));
    for (const source of [join(repository, '.git', 'hooks'), join(folder, 'way')]) {
      const mounts = [{ source, target: '/git', mode: 'rw' as const }];
      await assert.rejects(engine.create({ name: 'hooks', mounts }), { code: 'policy-refused' });
    }
    const mounts = [{ source: join(repository, '.git'), target: '/read', mode: 'ro' as const }];
    await engine.create({ name: 'reader', mounts });
  });

  it('makes a folder whose git folder is a link be refused', async () => {
    const odd = join(folder, 'odd');
    execFileSync('mkdir', [odd]);
    symlinkSync(join(repository, '.git'), join(odd, '.git'));
    await assert.rejects(engine.create({ name: 'odd', workspace: odd }), { code: 'policy-unenforceable' });
  });

  it('ends the guest when the host replaces a file that protects it', async () => {
    git(repository, 'config', 'extensions.worktreeConfig', 'true');
    const opened = await engine.call('worktree/open', { cwd: repository, branch: 'guarded' });
    git(opened.worktree.path, 'config', '--worktree', 'user.nickname', 'me');
    const failed = await eventually(
      async () => {
        const now = await engine.get(opened.sandbox.name);
        return now.status === 'failed' && now;
      },
      { what: 'the end of the guest' },
    );
    assert.match(failed.status_reason ?? '', /config\.worktree was replaced on the host/);
    const again = await engine.call('worktree/open', { cwd: repository, branch: 'guarded' });
    assert.equal(again.sandbox.status, 'running');
    const own = git(opened.worktree.path, 'rev-parse', '--git-dir').trim();
    const { out } = await engine.exec(
      again.sandbox.name,
      'sh',
      '-c',
      `echo x >> ${own}/config.worktree; echo $?`,
    );
    assert.notEqual(out, '0\n');
  });

  it('does not end a guest that works with git inside', async () => {
    const opened = await engine.call('worktree/open', { cwd: repository, branch: 'busy' });
    const work =
      'for i in 1 2 3 4 5; do echo $i > f$i; git add . && git commit -qm $i || exit 1; done; git gc; git status';
    const { end } = await engine.exec(opened.sandbox.name, 'sh', '-c', work);
    assert.deepEqual(end, { kind: 'exited', code: 0 });
    writeFileSync(join(opened.worktree.path, 'from-the-host'), 'x');
    assert.equal((await engine.get(opened.sandbox.name)).status, 'running');
  });
});

function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
