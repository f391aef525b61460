// What a guest plants in a git folder of its own, against an import by the host.
// Each attack that a careless host would fall for is shown to work on one.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { tipsAtRest } from '../../server/worktrees/tips.ts';
import { MINE, withHostile } from './support/hostile.ts';
import { openJail } from './support/jail.ts';
import { attacks } from './support/plants.ts';
import { assertHarmless } from './support/siege.ts';

describe('a hostile private git folder', function () {
  this.timeout(180_000);
  const hostile = withHostile();
  const { plant, bring, refused, folder } = hostile;

  /** A host that opens the guest's folder by its path, with nothing of ours. */
  const careless = (...args: string[]) => hostile.siege().lab.tryGit(hostile.siege().lab.main, ...args);

  /** So that git on the host finds there what was borrowed. */
  const borrowing = (): string[] => {
    const objects = join(hostile.siege().lab.main, '.git/objects');
    return ['--upload-pack', `env GIT_ALTERNATE_OBJECT_DIRECTORIES=${objects} git-upload-pack`];
  };

  it('everything that is planted in shared git folders and in trees does nothing here either', async () => {
    for (const { script } of Object.values(attacks)) plant(`( ${script} )`);
    await bring().catch((error: unknown) => assert.ok(error instanceof SandboxError, String(error)));
    assert.equal(hostile.siege().isBroken(), false);
    await assertHarmless(hostile.siege(), { script: '' });
  });

  const configured: Readonly<Record<string, string>> = {
    configuration: 'evilconfig >> $O/config',
    'a commondir':
      'echo /workspace/evilgit > $O/commondir; cp -r /workspace/evilgit $O/evilgit; echo evilgit > $O/commondir',
    'a worktree configuration': 'git config extensions.worktreeConfig true; evilconfig > $O/config.worktree',
  };
  for (const [name, script] of Object.entries(configured)) {
    it(`runs nothing: ${name}`, async () => {
      plant(`git commit -q --allow-empty -m inside; ${script}`);
      await bring().catch(() => undefined);
      assert.equal(hostile.siege().isBroken(), false);
      careless(`--git-dir=${folder()}`, `--work-tree=${hostile.siege().worktree}`, 'status');
      assert.equal(hostile.siege().isBroken(), true, 'git would not have run it, so that it proves nothing');
    });
  }

  it('runs nothing: hooks and programs of a server', async () => {
    plant(`git commit -q --allow-empty -m inside
      for h in post-update pre-receive reference-transaction post-checkout; do printf "#!/bin/sh\\n$EVIL\\n" > $O/hooks/$h; chmod +x $O/hooks/$h; done
      git config --global uploadpack.packObjectsHook "$EVIL; exec"`);
    await bring().catch(() => undefined);
    assert.equal(hostile.siege().isBroken(), false);
  });

  it('leaves no room taken by imports that were killed, and none from one that goes on', async () => {
    const place = join(hostile.siege().lab.main, '.git', 'heyvm');
    const [killed, other] = [
      join(place, `incoming-${2 ** 22 + 1}-x`),
      join(place, `incoming-${process.ppid}-x`),
    ];
    for (const folder of [killed, other]) {
      mkdirSync(join(folder, 'pack'), { recursive: true });
      writeFileSync(join(folder, 'pack', 'tmp_pack_x'), 'x');
    }
    plant('git commit -q --allow-empty -m inside');
    await bring();
    assert.deepEqual([existsSync(killed), existsSync(other)], [false, true]);
  });

  it('brings no refs without end', async () => {
    plant(
      'git commit -q --allow-empty -m inside; for i in $(seq 2001); do echo "create refs/heads/b$i HEAD"; done | git update-ref --stdin',
    );
    const error = await refused();
    assert.match(error.message, /more than 2000 refs/);
    const { lab } = hostile.siege();
    assert.equal(lab.git(lab.main, 'for-each-ref', 'refs/heyvm'), '');
  });

  it('borrows nothing from folders of the host', async () => {
    const { lab } = hostile.siege();
    const secret = join(lab.folder, 'secret');
    lab.git(lab.folder, 'init', '--quiet', secret);
    const commit = lab.commit(secret, { secret: 'x' });
    plant(`echo ${secret}/.git/objects >> $O/objects/info/alternates; echo ../../../../../../secret/.git/objects >> $O/objects/info/alternates
      mkdir -p $O/refs/heads; echo ${commit} > $O/refs/heads/stolen`);
    const { refs } = await bring().catch(() => ({ refs: [] }));
    assert.deepEqual(refs, []);
    assert.notEqual(careless('cat-file', '-e', commit).code, 0);
    careless('fetch', '--quiet', folder(), `${commit}:refs/heads/stolen`);
    assert.equal(careless('cat-file', '-e', commit).code, 0, 'git would not have taken it either');
  });

  it('reads no file of the host through links, also while the guest does not run', async () => {
    const { lab } = hostile.siege();
    lab.write(join(lab.folder, 'secret'), `${lab.git(lab.main, 'rev-parse', 'other')}\n`);
    const links = ['packed-refs', 'HEAD', 'refs/heads/linked', 'refs/tags', 'logs'];
    for (const name of links) {
      plant(
        `rm -rf $O/${name}; ln -s ${name.includes('.') || name === 'refs/tags' || name === 'logs' ? lab.folder : `${lab.folder}/secret`} $O/${name}`,
      );
      assert.equal(await tipsAtRest(hostile.siege().target.own), undefined, name);
      plant(`rm -f $O/${name}; mkdir -p $O/refs/tags; echo ref: refs/heads/feature > $O/HEAD`);
    }
    assert.notEqual(await tipsAtRest(hostile.siege().target.own), undefined);
    plant('mkfifo $O/refs/heads/pipe');
    assert.equal(await tipsAtRest(hostile.siege().target.own), undefined);
  });

  const damaged: Readonly<Record<string, { script: string; told: RegExp; carelessly: 'taken' | 'refused' }>> =
    {
      'a tree with a .git': {
        script:
          'b=$(echo evil | git hash-object -w --stdin); t=$(printf "100644 blob $b\\t.git\\n" | git mktree)',
        told: /hasDotgit/,
        carelessly: 'taken',
      },
      'a tree with a folder .git in another case': {
        script:
          'b=$(echo evil | git hash-object -w --stdin); u=$(printf "100644 blob $b\\tconfig\\n" | git mktree); t=$(printf "040000 tree $u\\t.GIT\\n" | git mktree)',
        told: /hasDotgit/,
        carelessly: 'taken',
      },
      'a submodule whose address is an option': {
        script:
          'b=$(printf "[submodule \\"x\\"]\\n\\tpath = x\\n\\turl = -u./payload\\n" | git hash-object -w --stdin); t=$(printf "100644 blob $b\\t.gitmodules\\n160000 commit $(git rev-parse HEAD)\\tx\\n" | git mktree)',
        told: /gitmodulesUrl/,
        carelessly: 'taken',
      },
      'a .gitmodules that is a link': {
        script:
          'b=$(printf /etc/passwd | git hash-object -w --stdin); t=$(printf "120000 blob $b\\t.gitmodules\\n" | git mktree)',
        told: /gitmodulesSymlink/,
        carelessly: 'taken',
      },
      'a path that leads out': {
        script:
          'b=$(echo evil | git hash-object -w --stdin); t=$(printf "100644 ..\\0" > /tmp/t; printf "$b" | xxd -r -p >> /tmp/t; git hash-object -w -t tree --literally /tmp/t)',
        told: /hasDotdot/,
        carelessly: 'taken',
      },
      'a commit whose tree is not there': {
        script: 't=4b825dc642cb6eb9a060e54bf8d69288fbee4905',
        told: /./,
        carelessly: 'refused',
      },
    };
  for (const [name, { script, told, carelessly }] of Object.entries(damaged)) {
    it(`takes no damaged object: ${name}`, async () => {
      plant(`${script}
        printf "tree $t\\nparent $(git rev-parse HEAD)\\nauthor A <a@b> 1 +0000\\ncommitter A <a@b> 1 +0000\\n\\nx\\n" > /tmp/c
        git update-ref refs/heads/evil $(git hash-object -w -t commit --literally /tmp/c) || git hash-object -w -t commit --literally /tmp/c > $O/refs/heads/evil`);
      const error = await refused();
      assert.match(error.message, told);
      const { code } = careless('fetch', '--quiet', ...borrowing(), folder(), 'evil');
      assert.equal(code === 0 ? 'taken' : 'refused', carelessly);
    });
  }

  it('shows history as it is, whatever is replaced or grafted inside', async () => {
    plant(
      'git commit -q --allow-empty -m inside; git commit -q --allow-empty -m again; git replace HEAD HEAD~2; mkdir -p $O/info; git rev-parse HEAD~1 > $O/info/grafts',
    );
    await bring();
    const { lab } = hostile.siege();
    assert.equal(lab.git(lab.main, 'for-each-ref', 'refs/replace'), '');
    assert.equal(lab.git(lab.main, 'rev-list', '--count', `${MINE}/heads/feature`), '3');
  });

  it('does not end the history where the guest says that it ends', async () => {
    plant(
      'git commit -q --allow-empty -m inside; git commit -q --allow-empty -m again; git rev-parse HEAD > $O/shallow',
    );
    const error = await refused();
    assert.match(error.message, /missing/);
    const { lab } = hostile.siege();
    assert.equal(existsSync(join(lab.main, '.git/shallow')), false);
    assert.equal(lab.git(lab.main, 'fsck', '--no-dangling'), '');
    careless('fetch', '--quiet', '--update-shallow', ...borrowing(), folder(), 'feature:taken');
    assert.equal(existsSync(join(lab.main, '.git/shallow')), true, 'git would not have believed it either');
  });

  it('cannot write what it borrows, nor the pointer of the worktree', async () => {
    const { lab, worktree } = hostile.siege();
    const before = readFileSync(join(worktree, '.git'), 'utf8');
    const writes = [
      'echo x > /git/objects/0/evil',
      'echo x > /git/objects/0/info/alternates',
      'echo x > /git/host/config',
      'rm -rf /git/host/refs; test ! -e /git/host/refs',
      'mv /git/host /git/other',
      'echo x > /workspace/.git',
      'rm -f /workspace/.git; test ! -e /workspace/.git',
      'mv /workspace/.git /workspace/x',
      'git -C /git/host update-ref refs/heads/main HEAD',
      'git commit -q --allow-empty -m x && git push -q host HEAD:main',
    ];
    for (const write of writes) assert.notEqual(hostile.jail().sh(write).code, 0, write);
    assert.equal(readFileSync(join(worktree, '.git'), 'utf8'), before);
    assert.equal(lab.git(lab.main, 'fsck'), '');
    const open = await openJail(lab, worktree, 'careless');
    assert.equal(open.sh(`echo x > ${lab.main}/.git/objects/evil; echo x > /workspace/.git`).code, 0);
  });
});
