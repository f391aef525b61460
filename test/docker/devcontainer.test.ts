// A devcontainer.json as its authors mean it: an image or a Dockerfile, commands that run inside, and a port that answers.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ciImage, ensureCiStore, takeCiImage } from '../../scripts/lib/ciImage.ts';
import { docker } from '../../server/backends/docker/index.ts';
import { type Engine, newEngine } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { groundOf } from '../support/grounds.ts';

/** Perl is part of the smallest Debian. */
const SERVER = `$s = IO::Socket::INET->new(LocalPort => 8123, Listen => 5, ReuseAddr => 1) or die; while ($c = $s->accept) { <$c>; print $c "HTTP/1.0 200 OK\\r\\n\\r\\n$ENV{WORD}"; close $c }`;

describe('a devcontainer in a container', function () {
  this.timeout(180_000);
  let engine: Engine | undefined;
  let folder: string;

  before(async function () {
    const ground = await groundOf(docker);
    if (ground.kind === 'not run') {
      console.log(`not run: containers: ${ground.why}`);
      return this.skip();
    }
    engine = newEngine();
    mkdirSync(engine.home, { recursive: true, mode: 0o700 });
    const settings = { backend_type: 'docker', backends: { docker: ground.settings } };
    writeFileSync(engine.paths.settings, JSON.stringify(settings));
    takeCiImage(await ensureCiStore(), engine.home);
  });
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvd-')));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  after(() => engine?.dispose());

  const call: Engine['call'] = (...words) => (engine ?? assert.fail()).call(...words);
  const exec = async (id: string, ...argv: string[]) =>
    (await (engine ?? assert.fail()).exec(id, ...argv)).out;
  function write(path: string, content: object | string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
  }
  async function up() {
    const { asks, problems } = await call('project/inspect', { folder });
    assert.deepEqual(problems, []);
    return {
      asks: asks.map(({ what }) => what),
      ...(await call('project/up', { folder, trust: asks.map(({ what }) => what) })),
    };
  }

  it('runs from its image, with what it creates and a port that is forwarded', async () => {
    write('.devcontainer/devcontainer.json', {
      image: ciImage,
      containerEnv: { WORD: 'tea' },
      postCreateCommand: [
        ...['sh', '-c'],
        'id -u >who; id -un >name; cd; pwd >/workspace/home; cat /etc/debian_version >/app/version',
      ],
      workspaceFolder: '/app',
      postStartCommand: ['perl', '-MIO::Socket', '-e', SERVER],
      forwardPorts: [8123],
      remoteUser: 'vscode',
    });
    const { asks, sandbox, setup } = await up();
    assert.deepEqual(asks, ['network open']);
    assert.deepEqual([sandbox.backend_type, setup], ['docker', 'ran']);
    assert.match(readFileSync(join(folder, 'version'), 'utf8'), /^12/);
    const written = (name: string) => readFileSync(join(folder, name), 'utf8');
    assert.equal(written('who'), `${process.getuid?.()}\n`);
    assert.deepEqual([written('name'), written('home')], ['vscode\n', '/home/vscode\n']);
    const url = sandbox.ports[0]?.url ?? assert.fail('no port');
    const said = async () => (await fetch(url)).text().catch(() => '');
    await eventually(async () => (await said().catch(() => '')) === 'tea', { what: 'an answer at the port' });
  });

  it('runs from the stage of its Dockerfile, built with its arguments, once', async () => {
    write(
      '.devcontainer/Dockerfile',
      `FROM ${ciImage} AS dev\nARG WHO=nobody\nCOPY note.txt /note\nRUN echo "for $WHO" >/made\nFROM dev AS last\nRUN echo last >/made\n`,
    );
    write('note.txt', 'from the project');
    write('.devcontainer/devcontainer.json', {
      build: { dockerfile: 'Dockerfile', context: '..', args: { WHO: 'me' }, target: 'dev' },
      onCreateCommand: 'cp /made /note .',
    });
    const { asks, sandbox } = await up();
    assert.deepEqual(asks, ['build of .devcontainer/Dockerfile', 'network open']);
    assert.equal(await exec(sandbox.id, 'cat', '/made', '/note'), 'for me\nfrom the project');
    assert.equal(readFileSync(join(folder, 'made'), 'utf8'), 'for me\n');
    const again = await up();
    assert.deepEqual([again.asks, again.created, again.sandbox.id], [[], false, sandbox.id]);
  });

  it('is built from nothing outside of its project', async () => {
    write('.devcontainer/devcontainer.json', { build: { dockerfile: '../../Dockerfile', context: '../..' } });
    await assert.rejects(up(), /not in the folder of the project/);
  });
});
