// A project that has a devcontainer.json and no file of its own: up and wt follow it, init writes down what it means.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Up, withProjects, write } from './support/projects.ts';
import { errorOf, type World } from './support/world.ts';

describe('a project with a devcontainer.json', function () {
  this.timeout(120_000);
  const { world: there, project, up, upJson, inside } = withProjects();
  let world: World;
  before(() => {
    world = there();
  });

  it('is brought up with its variables, its commands and its ports, and says what it does not follow', async () => {
    const folder = project({
      '.devcontainer/devcontainer.json': {
        name: 'Shop',
        containerEnv: { WORD: 'tea' },
        postCreateCommand: { a: 'echo $WORD >made', b: ['touch', 'also'] },
        postStartCommand: 'echo started >>starts; sleep 1000',
        forwardPorts: [8123],
        features: { 'ghcr.io/devcontainers/features/go:1': {} },
        runArgs: ['--privileged'],
      },
    });
    const refused = await up(folder);
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /devcontainer\.json asks for more than a branch may have: network open/);
    const done = await up(folder, '--trust');
    assert.equal(done.code, 0, done.stderr);
    for (const key of ['features', 'runArgs'])
      assert.match(done.stderr, new RegExp(`devcontainer\\.json: ${key} is not followed: `));
    const { created, setup, command, sandbox } = await upJson(folder);
    assert.deepEqual([created, setup, command], [false, 'done before', 'running']);
    assert.deepEqual(
      sandbox.ports.map(({ guest }) => guest),
      [8123],
    );
    assert.equal(sandbox.policy.network, 'open');
    assert.equal(readFileSync(join(folder, 'made'), 'utf8'), 'tea\n');
    assert.ok(existsSync(join(folder, 'also')));
    assert.equal(await inside(sandbox.id, 'cat', '/workspace/starts'), 'started\n');
  });

  it('shows a variable of this machine to programs inside only when somebody agreed', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
    const folder = project({
      '.devcontainer.json': { remoteEnv: { SEEN: '${localEnv:HEYVM_TEST_SECRET}' } },
    });
    const env = { HEYVM_TEST_SECRET: 'from outside' };
    const refused = await world.heyvm(['up', folder, '--detach'], { env });
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /variable HEYVM_TEST_SECRET of this machine/);
    assert.doesNotMatch(refused.stderr, /from outside/);
    const { sandbox } = (await world.json(['up', folder, '--trust'], { env })) as Up;
    assert.equal(await inside(sandbox.id, 'sh', '-c', 'echo "$SEEN"'), 'from outside\n');
  });

  it('comes after a file of its own, and is left alone where the settings say so', async () => {
    const files = { '.devcontainer/devcontainer.json': '{ "image": 5 }' };
    const broken = project(files);
    const done = await up(broken);
    assert.equal(done.code, 2);
    assert.match(done.stderr, /devcontainer\.json:1:12: image: /);
    const both = project({ ...files, '.heyvm/sandbox.yaml': 'env: { WORD: own }\n' });
    const { sandbox } = await upJson(both);
    assert.equal(await inside(sandbox.id, 'sh', '-c', 'echo $WORD'), 'own\n');
    const settings = join(world.store, 'settings.json');
    writeFileSync(settings, '{ "devcontainer": "ignore" }');
    try {
      const ignored = await up(broken);
      assert.equal(errorOf(await world.heyvm(['up', broken, '--format', 'json'])).code, 'path-not-found');
      assert.match(ignored.stderr, /there is no .*sandbox\.yaml/);
    } finally {
      writeFileSync(settings, '{}');
    }
  });

  it('is the only one of its folders, and somebody chooses where there are several', async () => {
    const one = project({ '.devcontainer/web/devcontainer.json': { containerEnv: { WORD: 'web' } } });
    const { sandbox } = await upJson(one);
    assert.equal(await inside(sandbox.id, 'sh', '-c', 'echo $WORD'), 'web\n');
    write(join(one, '.devcontainer/api/devcontainer.json'), { containerEnv: { WORD: 'api' } });
    const several = await up(one);
    assert.equal(several.code, 2);
    assert.match(several.stderr, /several devcontainers.*api.*web/);
    const chosen = join(one, '.devcontainer', 'api', 'devcontainer.json');
    assert.equal((await world.heyvm(['init', '--from-devcontainer', chosen])).code, 0);
    assert.match(readFileSync(join(one, '.heyvm', 'sandbox.yaml'), 'utf8'), /env:\n {2}WORD: api/);
  });

  it('has its programs run under the name of its user, and its project where they expect it', async () => {
    const folder = project({
      '.devcontainer/devcontainer.json': { remoteUser: 'vscode', workspaceFolder: '/workspaces/shop' },
      'note.txt': 'tea\n',
    });
    const done = await up(folder);
    assert.equal(done.code, 0, done.stderr);
    assert.doesNotMatch(done.stderr, /not followed/);
    const { sandbox } = await upJson(folder);
    assert.equal(sandbox.user, 'vscode');
    const script = 'id -un; echo $USER; cd && pwd; touch ~/.kept; cat /workspaces/shop/note.txt';
    assert.equal(await inside(sandbox.id, 'sh', '-c', script), 'vscode\nvscode\n/home/vscode\ntea\n');
    assert.match((await world.heyvm(['get', sandbox.id])).stdout, /user +vscode/);
    await inside(sandbox.id, 'sh', '-c', 'echo coffee >/workspaces/shop/note.txt');
    assert.equal(readFileSync(join(folder, 'note.txt'), 'utf8'), 'coffee\n');
    await world.heyvm(['restart', sandbox.id]);
    assert.equal(await inside(sandbox.id, 'ls', '-A', '/home/vscode/.kept'), '/home/vscode/.kept\n');
  });

  it('is read through no link', async () => {
    const other = project({ '.devcontainer/devcontainer.json': { containerEnv: { WORD: 'hidden' } } });
    const folder = project({ 'README.md': '' });
    symlinkSync(join(other, '.devcontainer'), join(folder, '.devcontainer'));
    assert.notEqual((await up(folder)).code, 0);
    const file = project({ 'README.md': '' });
    symlinkSync('/etc/passwd', join(file, '.devcontainer.json'));
    const done = await up(file);
    assert.notEqual(done.code, 0);
    assert.doesNotMatch(done.stderr, /root:/);
  });

  it('is what wt makes for a branch, with the same questions and the same names of what is not followed', async () => {
    await world.git('checkout', '-q', '-b', 'contained');
    write(join(world.repository, '.devcontainer', 'devcontainer.json'), {
      onCreateCommand: 'echo hello >made',
      privileged: true,
    });
    await world.git('add', '.');
    await world.git('commit', '-q', '-m', 'describe');
    await world.git('checkout', '-q', 'main');
    const refused = await world.heyvm(['wt', 'contained', '--detach']);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /contained\/\.devcontainer\/devcontainer\.json asks for .*network open/);
    const done = await world.heyvm(['wt', 'contained', '--detach', '--network', 'none']);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stderr, /privileged is not followed/);
    assert.equal(readFileSync(join(world.folder, 'contained', 'made'), 'utf8'), 'hello\n');
    await world.heyvm(['wt', 'contained', '--remove', '--force']);
  });

  it('is written down as a project file, with what is left out, and never over one', async () => {
    const folder = project({
      '.devcontainer/devcontainer.json':
        '{\n  // for everybody\n  "image": "node:24",\n  "postCreateCommand": "npm ci",\n  "remoteUser": "node",\n  "containerUser": "app",\n}\n',
    });
    const wrote = (await world.json(['init', folder, '--from-devcontainer'])) as {
      files: string[];
      unfollowed: { what: string }[];
    };
    assert.deepEqual(
      wrote.unfollowed.map(({ what }) => what),
      ['containerUser'],
    );
    const text = readFileSync(wrote.files[0] ?? '', 'utf8');
    assert.match(text, /^# {3}containerUser: programs inside run as/m);
    assert.match(text, /\nimage: node:24\nuser: node\nnetwork: open\nsetup:\n {2}- npm ci\n$/);
    const again = await world.heyvm(['init', folder, '--from-devcontainer', '--format', 'json']);
    assert.equal(errorOf(again).code, 'worktree-conflict');
    const nothing = await world.heyvm(['init', world.folder, '--from-devcontainer', '--format', 'json']);
    assert.equal(errorOf(nothing).code, 'path-not-found');
  });
});
