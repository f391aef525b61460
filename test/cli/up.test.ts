// A project's own file: written by init, followed by up and wt, and never more than somebody agreed to.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { eventually } from '../support/eventually.ts';
import { withProjects, write } from './support/projects.ts';
import { errorOf, listenTo, type World } from './support/world.ts';

/** Listens on a port by what every guest of the tests has; perl is part of the smallest Debian. */
const SERVER = `perl -MIO::Socket -e '$s = IO::Socket::INET->new(LocalPort => 8123, Listen => 5, ReuseAddr => 1) or die; $| = 1; print "serving\\n"; while ($c = $s->accept) { <$c>; print $c "HTTP/1.0 200 OK\\r\\n\\r\\n"; close $c }'`;

describe('a project with a file of its own', function () {
  this.timeout(120_000);
  const { world: there, project: withFiles, up: bringUp, upJson } = withProjects();
  let world: World;
  before(() => {
    world = there();
  });

  const project = (text: string) => withFiles({ '.heyvm/sandbox.yaml': text });
  const describeIn = (folder: string, text: string) => write(join(folder, '.heyvm', 'sandbox.yaml'), text);
  const up = (folder: string, ...words: string[]) => bringUp(folder, '--quiet', ...words);
  const list = async () => (await world.json(['list'])) as SandboxInfo[];

  it('is written by init, in a folder that is made, and never over anything', async () => {
    const folder = join(world.folder, 'fresh', 'place');
    const wrote = (await world.json(['init', folder])) as { preset: string; files: string[] };
    assert.equal(wrote.preset, 'shell');
    assert.match(readFileSync(wrote.files[0] ?? '', 'utf8'), /^# What heyvm up starts/);
    const again = await world.heyvm(['init', folder, '--format', 'json']);
    assert.equal(errorOf(again).code, 'worktree-conflict');
    const node = join(world.folder, 'node');
    mkdirSync(node);
    writeFileSync(join(node, 'package.json'), '{}');
    assert.equal(((await world.json(['init', node])) as { preset: string }).preset, 'node');
    const linked = join(world.folder, 'linked');
    mkdirSync(join(linked, '.heyvm'), { recursive: true });
    symlinkSync(join(world.folder, 'elsewhere'), join(linked, '.heyvm', 'sandbox.yaml'));
    assert.notEqual((await world.heyvm(['init', linked])).code, 0);
    assert.ok(!existsSync(join(world.folder, 'elsewhere')));
  });

  it('is brought up: set up once, its command started, ready, with its ports and its log', async () => {
    const text = `
env: { WORD: tea }
ports: [8123]
setup:
  - echo $WORD >>made
  - [touch, ran]
command: ${JSON.stringify(SERVER)}
ready: { port: 8123, path: /, timeout: 60s }
`;
    const folder = project(text);
    const first = await upJson(folder);
    assert.deepEqual([first.created, first.setup, first.command], [true, 'ran', 'started']);
    const { id, ports } = first.sandbox;
    assert.equal((await fetch(ports[0]?.url ?? '')).status, 200);
    assert.match((await world.heyvm(['logs', id])).stdout, /\| serving/);

    const second = await upJson(folder);
    assert.deepEqual([second.created, second.setup, second.command], [false, 'done before', 'running']);
    assert.equal(second.sandbox.id, id);
    assert.equal(readFileSync(join(folder, 'made'), 'utf8'), 'tea\n');
    assert.ok(existsSync(join(folder, 'ran')));
    assert.equal((await upJson(folder, '--setup')).setup, 'ran');

    await world.heyvm(['restart', id]);
    await eventually(async () => {
      const { ports: anew } = (await world.json(['get', id])) as SandboxInfo;
      return (await fetch(anew[0]?.url ?? '')).status === 200;
    });
    await world.heyvm(['stop', id]);
    const third = await upJson(folder);
    assert.deepEqual([third.created, third.setup, third.command], [false, 'done before', 'started']);
    await world.heyvm(['rm', '-y', '--force', id]);
  });

  it('shows what its command says until Ctrl-C, which stops it', async () => {
    const folder = project('command: "while :; do echo tick; sleep 0.2; done"\n');
    const child = world.start(['up', folder]);
    const heard = listenTo(child.stdout);
    await eventually(() => heard.text.includes('| tick'), { what: 'the command' });
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    assert.equal(code, 130);
    const { status } = (await list()).find(({ workspace }) => workspace.path === folder) ?? assert.fail();
    assert.equal(status, 'stopped');
  });

  it('is refused with file, line and column when it is wrong, before anything is made', async () => {
    const folder = project('name: a\nnetwrk: none\n');
    const before = (await list()).length;
    const done = await up(folder);
    assert.equal(done.code, 2);
    assert.match(done.stderr, /sandbox\.yaml:2:1: unknown key netwrk; did you mean network\?/);
    assert.equal((await list()).length, before);
    assert.equal((await up(join(world.folder, 'nowhere'))).code, 3);
    assert.match((await up(world.folder)).stderr, /heyvm init/);
  });

  const wishes: readonly (readonly [what: string, text: string])[] = [
    ['network open', 'network: open\n'],
    ['mount of /etc at /host (ro)', 'mounts: [{ source: /etc, target: /host }]\n'],
    ['mount of /etc at /host (ro)', 'mounts: [{ source: ../../../../../../../etc, target: /host }]\n'],
    ['port 48123 of this machine', 'ports: ["48123:80"]\n'],
    ['build of Dockerfile', 'image: { dockerfile: Dockerfile }\n'],
  ];
  for (const [what, text] of wishes) {
    it(`gets no ${what} from its file alone: ${text.trim()}`, async () => {
      const folder = project(text);
      const before = (await list()).length;
      const done = await up(folder);
      assert.equal(done.code, 4, done.stderr);
      assert.ok(done.stderr.includes(what), done.stderr);
      assert.match(done.stderr, /--trust/);
      assert.equal((await list()).length, before);
    });
  }

  it('gets what somebody agreed to, and is not asked twice for the same, but for more', async () => {
    const shared = join(world.folder, 'shared');
    mkdirSync(shared);
    writeFileSync(join(shared, 'a'), 'from outside');
    const folder = project('mounts: [{ source: ./link, target: /data }]\n');
    symlinkSync(shared, join(folder, 'link'));
    const refused = await up(folder);
    assert.ok(refused.stderr.includes(`mount of ${shared} at /data`), refused.stderr);
    const done = await up(folder, '--trust');
    assert.equal(done.code, 0, done.stderr);
    const { id } = (await upJson(folder)).sandbox;
    assert.equal((await world.heyvm(['exec', id, 'cat', '/data/a'])).stdout, 'from outside');
    describeIn(folder, 'mounts: [{ source: ./link, target: /data }]\nnetwork: open\n');
    assert.equal((await up(folder)).code, 4);
  });

  it('is read neither through a link nor from what is no file', async () => {
    const folder = join(world.folder, 'odd');
    mkdirSync(join(folder, '.heyvm'), { recursive: true });
    symlinkSync('/etc/passwd', join(folder, '.heyvm', 'sandbox.yaml'));
    const done = await up(folder);
    assert.notEqual(done.code, 0);
    assert.doesNotMatch(done.stderr, /root/);
    const other = join(world.folder, 'odd-folder');
    mkdirSync(other);
    symlinkSync(join(project('name: hidden\n'), '.heyvm'), join(other, '.heyvm'));
    assert.notEqual((await up(other)).code, 0);
  });

  it('says when a change needs another sandbox', async () => {
    const folder = project('limits: { pids: 100 }\n');
    const { name } = (await upJson(folder)).sandbox;
    describeIn(folder, 'limits: { pids: 200 }\n');
    const done = await up(folder);
    assert.equal(done.code, 6);
    assert.match(done.stderr, /limit of pids 100, not 200/);
    describeIn(folder, '');
    assert.match((await up(folder)).stderr, new RegExp(`heyvm rm --force ${name}`));
  });

  it('says how its setup or its command failed, and tries again the next time', async () => {
    const folder = project('setup: ["test -e there || { echo not there; exit 3; }"]\n');
    const failed = await up(folder);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /ended with 3: not there/);
    writeFileSync(join(folder, 'there'), '');
    assert.equal((await up(folder)).code, 0);
    const ending = project('command: exit 4\nready: { port: 1 }\n');
    assert.match((await up(ending)).stderr, /ended with 4 before it was ready/);
    const late = project('command: sleep 100\nready: { command: "false", timeout: 500ms }\n');
    assert.equal((await up(late)).code, 7);
  });

  it('is what wt makes for a branch that has one, with the same questions', async () => {
    await world.git('checkout', '-q', '-b', 'with-file');
    mkdirSync(join(world.repository, '.heyvm'));
    describeIn(world.repository, 'network: open\nenv: { WORD: tea }\nsetup: ["echo $WORD >made"]\n');
    await world.git('add', '.');
    await world.git('commit', '-q', '-m', 'describe');
    await world.git('checkout', '-q', 'main');
    const refused = await world.heyvm(['wt', 'with-file', '--detach']);
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /network open/);
    assert.ok(!existsSync(join(world.folder, 'with-file')), 'a worktree is left');

    const done = (await world.json(['wt', 'with-file', '--detach', '--network', 'none'])) as {
      sandbox: SandboxInfo;
    };
    assert.equal(done.sandbox.policy.network, 'none');
    assert.equal(readFileSync(join(world.folder, 'with-file', 'made'), 'utf8'), 'tea\n');
    await world.heyvm(['wt', 'with-file', '--remove', '--force']);

    const trusted = (await world.json(['wt', 'with-file', '--detach', '--trust'])) as {
      sandbox: SandboxInfo;
    };
    assert.equal(trusted.sandbox.policy.network, 'open');
    const same = await upJson(join(world.folder, 'with-file'));
    assert.deepEqual([same.created, same.sandbox.id, same.setup], [false, trusted.sandbox.id, 'done before']);
  });

  it('is set up in an attached shell before that begins', async () => {
    const done = await world.heyvm(['wt', 'with-file-2', '--from', 'with-file', '--trust'], {
      input: 'cat made\n',
    });
    assert.equal(done.code, 0, done.stderr);
    assert.equal(done.stdout, 'tea\n');
  });
});
