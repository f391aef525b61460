// Dockerfiles become images with every builder that can work here; unchanged input is found, and changed input is not.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sharedDockerd } from '../../scripts/lib/daemons/daemons.ts';
import { SandboxError } from '../../server/core/errors.ts';
import { addImage } from '../../server/images/add.ts';
import { type BuildOutcome, buildImage } from '../../server/images/build/buildImage.ts';
import { blobPath, layoutOf } from '../../server/images/layout.ts';
import { listManifests, readManifest } from '../../server/images/manifest.ts';
import type { ImageManifest } from '../../server/protocol/image.ts';
import { has, newPlace, type Place, pack } from './support.ts';

const nowhere = 'unix:///nonexistent/engine.sock';

const builders = [
  { name: 'a container engine', find: engine, writes: 'as it arrives' },
  {
    name: 'buildah',
    writes: 'at the end',
    find: async () => (has('buildah') ? { DOCKER_HOST: nowhere } : 'buildah is not installed'),
  },
] as const;

async function engine(): Promise<NodeJS.ProcessEnv | string> {
  const kept = await sharedDockerd();
  return kept.kind === 'running' ? { DOCKER_HOST: `unix://${kept.socket}` } : kept.why;
}

for (const { name, find, writes } of builders) {
  describe(`building a Dockerfile with ${name}`, function () {
    this.timeout(180_000);
    let place: Place;
    let env: NodeJS.ProcessEnv;

    before(async function () {
      const found = process.getuid?.() === 0 ? await find() : 'root alone can start builders here';
      const why = typeof found === 'string' ? found : has('busybox') ? undefined : 'busybox is not installed';
      if (why !== undefined || typeof found === 'string') {
        console.log(`not run: ${why}`);
        return this.skip();
      }
      env = { PATH: process.env['PATH'], ...found };
    });

    beforeEach(() => {
      place = newPlace(env);
    });

    afterEach(() => {
      const { incoming } = layoutOf(place.deps.paths);
      assert.deepEqual(existsSync(incoming) ? readdirSync(incoming) : [], []);
      place.dispose();
    });

    const build = (more: Partial<Parameters<typeof buildImage>[1]> = {}): Promise<BuildOutcome> => {
      const context = join(place.folder, 'context');
      return buildImage(
        place.deps,
        { file: join(context, 'Dockerfile'), context, name: 'my-base', ...more },
        place.call,
      );
    };

    it('keeps files, owners, modes, links and how programs are started', async () => {
      await storeBase(place);
      const built = await inContext(place, {
        Dockerfile: [
          'ARG TAG=1',
          `FROM base:\${TAG} AS first`,
          'ARG WHO=nobody',
          'RUN echo "for $WHO" > /made && chown 12:34 /made && chmod 4711 /made && ln /made /same && ln -s made /link',
          'RUN rm /etc/goes && mkdir -m 1777 /shared',
          'FROM first',
          'COPY sub /copied',
          'ENV COLOUR="dark blue" EMPTY=',
          'USER 12:34',
          'WORKDIR /shared',
          'ENTRYPOINT ["/bin/sh", "-c"]',
          'CMD ["echo hi"]',
        ].join('\n'),
        'sub/kept.txt': 'kept',
        'sub/left.log': 'left',
        '.dockerignore': '**/*.log\n',
      }).then(() => build({ arguments: { WHO: 'me' } }));
      assert.equal(built.cached, false);
      const { config, os, source } = built.image;
      const { PATH: _path, ...variables } = config.env;
      assert.deepEqual(variables, { BASE: 'yes', COLOUR: 'dark blue', EMPTY: '' });
      assert.deepEqual([config.user, config.workdir], ['12:34', '/shared']);
      assert.deepEqual([config.entrypoint, config.cmd], [['/bin/sh', '-c'], ['echo hi']]);
      assert.deepEqual([os.id, source.kind], ['teapot', 'build']);
      const files = listing(place, built.image);
      assert.match(files, /^-rws--x--x 12\/34 .*\/made$/m);
      assert.match(files, /^hrws--x--x 12\/34 .*\/same link to .*\/made$/m);
      assert.match(files, /link -> made$/m);
      assert.match(files, /^drwxrwxrwt .*\/shared\/$/m);
      assert.match(files, /copied\/kept\.txt$/m);
      assert.doesNotMatch(files, /left\.log|etc\/goes|dockerenv|\.wh\./);
      const isWrittenAtEnd = place.call.seen.some(({ phase }) => phase === 'writing the image');
      assert.equal(isWrittenAtEnd, writes === 'at the end');
    });

    it('builds the stage that is named, which is another image than the last one', async () => {
      await storeBase(place);
      await inContext(place, {
        Dockerfile: 'FROM base:1 AS first\nRUN echo first >/made\nFROM first\nRUN echo last >/last\n',
      });
      const first = await build({ name: 'first', target: 'first' });
      assert.match(listing(place, first.image), /\/made$/m);
      assert.doesNotMatch(listing(place, first.image), /\/last$/m);
      const last = await build({ name: 'last' });
      assert.match(listing(place, last.image), /\/last$/m);
      assert.equal((await build({ name: 'first', target: 'first' })).cached, true);
    });

    it('finds what it built as long as nothing changed', async () => {
      const context = await inContext(place, {
        Dockerfile: 'FROM scratch\nCOPY . /\n',
        a: 'one',
        '.dockerignore': 'no\n',
      });
      const first = await build();
      assert.equal(first.cached, false);
      const again = async (): Promise<boolean> => (await build()).cached;
      assert.equal(await again(), true);
      writeFileSync(join(context, 'no'), 'ignored');
      assert.equal(await again(), true);
      assert.deepEqual((await build({ name: 'other' })).image.files, first.image.files);
      const { atime, mtime } = statSync(join(context, 'a'));
      writeFileSync(join(context, 'a'), 'two');
      utimesSync(join(context, 'a'), atime, mtime);
      assert.equal(await again(), false, 'a change that kept size and time');
      chmodSync(join(context, 'a'), 0o700);
      assert.equal(await again(), false, 'a change of the mode');
      symlinkSync('a', join(context, 'b'));
      assert.equal(await again(), false, 'a new link');
      assert.equal((await build({ arguments: { X: '1' } })).cached, false);
      assert.equal((await build({ arguments: { X: '1' } })).cached, true);
    });

    it('builds again when its base changed or its own files are damaged', async () => {
      await storeBase(place);
      await inContext(place, { Dockerfile: 'FROM base:1\nCOPY x /x\n', x: 'x' });
      const first = await build();
      await storeBase(place, 'other');
      const second = await build();
      assert.equal(second.cached, false);
      assert.notEqual(second.image.files[0]?.digest, first.image.files[0]?.digest);
      rmSync(blobPath(place.deps.paths, second.image.files[0]?.digest ?? ''));
      assert.equal((await build()).cached, false);
      assert.equal((await build()).cached, true);
    });

    it('tells what failed in the words of the builder, and names nothing', async () => {
      await storeBase(place);
      await inContext(place, { Dockerfile: 'FROM base:1\nRUN echo about to fail; exit 7\n' });
      await assert.rejects(build(), (error: unknown) => {
        assert.ok(error instanceof SandboxError);
        assert.equal(error.code, 'build-failed');
        assert.match(`${error.message} ${error.hint ?? ''}`, /7/);
        return true;
      });
      assert.equal(await readManifest(place.deps.paths, 'my-base'), undefined);
    });

    it('leaves nothing when it is interrupted', async () => {
      await storeBase(place);
      await inContext(place, { Dockerfile: 'FROM base:1\nRUN echo running; sleep 1000\n' });
      const stop = new AbortController();
      const progress = ({ detail = '' }: { detail?: string | undefined }): void => {
        if (/RUN|with buildah/.test(detail)) setTimeout(() => stop.abort(), 500);
      };
      const request = {
        file: join(place.folder, 'context/Dockerfile'),
        context: join(place.folder, 'context'),
        name: 'x',
      };
      await assert.rejects(buildImage(place.deps, request, { signal: stop.signal, progress }));
      const { images } = await listManifests(place.deps.paths);
      assert.deepEqual(
        images.map(image => image.name),
        ['base:1'],
      );
    });
  });
}

describe('building without any builder', () => {
  it('says what is missing of each', async () => {
    const place = newPlace({ PATH: '/nonexistent', DOCKER_HOST: nowhere });
    try {
      await inContext(place, { Dockerfile: 'FROM scratch\n' });
      const context = join(place.folder, 'context');
      const absent: typeof place.deps.run = async argv => {
        throw new SandboxError('command-failed', `cannot run ${argv[0]}: it is not installed`);
      };
      const request = { file: join(context, 'Dockerfile'), context, name: 'x' };
      await assert.rejects(
        buildImage({ ...place.deps, run: absent }, request, place.call),
        (error: unknown) => {
          assert.ok(error instanceof SandboxError);
          assert.match(error.message, /buildx: .*a container engine: .*buildah: /);
          return true;
        },
      );
      await assert.rejects(
        buildImage(place.deps, { ...request, file: join(context, 'No') }, place.call),
        /no Dockerfile/,
      );
      await assert.rejects(
        buildImage(place.deps, { ...request, context: join(place.folder, 'no') }, place.call),
        /there is no folder/,
      );
    } finally {
      place.dispose();
    }
  });
});

async function inContext(place: Place, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, content] of Object.entries(files)) place.file(`context/${path}`, content);
  return join(place.folder, 'context');
}

/** A base with a shell that needs no other file. */
async function storeBase(place: Place, content = 'first'): Promise<ImageManifest> {
  const root = join(place.folder, 'base');
  rmSync(root, { recursive: true, force: true });
  for (const folder of ['bin', 'etc', 'tmp']) mkdirSync(join(root, folder), { recursive: true });
  execFileSync('cp', ['-L', '/bin/busybox', join(root, 'bin/busybox')]);
  for (const tool of ['sh', 'echo', 'chown', 'chmod', 'ln', 'rm', 'mkdir', 'sleep', 'cat']) {
    symlinkSync('busybox', join(root, 'bin', tool));
  }
  writeFileSync(join(root, 'etc/goes'), content);
  writeFileSync(join(root, 'etc/os-release'), 'ID=teapot\nVERSION_ID=1\n');
  const path = pack(root, join(place.folder, 'base.tar'), '--owner=0', '--group=0');
  const image = await addImage(place.deps, { path, name: 'base:1' }, place.call);
  return withEnvironment(place, image);
}

/** A base that says something itself, which what is built on it keeps. */
async function withEnvironment(place: Place, image: ImageManifest): Promise<ImageManifest> {
  const { writeManifest } = await import('../../server/images/manifest.ts');
  const { digest: _digest, ...rest } = image;
  return writeManifest(place.deps.paths, { ...rest, config: { ...rest.config, env: { BASE: 'yes' } } });
}

function listing(place: Place, image: ImageManifest): string {
  const path = blobPath(place.deps.paths, image.files[0]?.digest ?? '');
  return execFileSync('tar', ['-tvf', path, '--numeric-owner'], { encoding: 'utf8' });
}
