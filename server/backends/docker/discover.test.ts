// Where an engine is looked for and what its description means, as tables.
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { formatAddress, parseAddress } from './address.ts';
import { Info } from './answers.ts';
import { serverOf } from './credentials.ts';
import { discover, type Surroundings } from './discover.ts';
import { manifest } from './manifest.ts';
import { judge } from './probe.ts';
import { pullProgress } from './pull.ts';
import { firstFile } from './tar.ts';
import { boundaryOf, traitsOf } from './traits.ts';
import { createUnframer } from './unframed.ts';

const context = (name: string): string =>
  `/home/me/.docker/contexts/meta/${createHash('sha256').update(name).digest('hex')}/meta.json`;

function around(env: Record<string, string> = {}, files: Record<string, string> = {}): Surroundings {
  return {
    ...{ env, home: '/home/me', uid: 1000 },
    read: path => files[path],
    exists: path => path in files,
  };
}

const meta = (host: string): string => JSON.stringify({ Name: 'x', Endpoints: { docker: { Host: host } } });

describe('search for an engine', () => {
  const config = { '/home/me/.docker/config.json': '{"currentContext":"work","auths":{}}' };
  const files = {
    ...config,
    [context('work')]: meta('unix:///work.sock'),
    [context('other')]: meta('tcp://far:1'),
  };
  const table = [
    {
      name: 'the option first',
      connect: 'unix:///o',
      env: { DOCKER_HOST: 'unix:///h' },
      files,
      expected: 'unix:///o',
    },
    {
      name: 'DOCKER_HOST before a context',
      env: { DOCKER_HOST: 'tcp://h:2375' },
      files,
      expected: 'tcp://h:2375',
    },
    { name: 'the context that is named', env: { DOCKER_CONTEXT: 'other' }, files, expected: 'tcp://far:1' },
    { name: 'the current context', env: {}, files, expected: 'unix:///work.sock' },
    {
      name: 'the usual socket',
      files: { '/var/run/docker.sock': '' },
      expected: 'unix:///var/run/docker.sock',
    },
    {
      name: 'a rootless engine',
      files: { '/run/user/1000/docker.sock': '' },
      expected: 'unix:///run/user/1000/docker.sock',
    },
    {
      name: 'podman',
      env: { XDG_RUNTIME_DIR: '/r' },
      files: { '/r/podman/podman.sock': '' },
      expected: 'unix:///r/podman/podman.sock',
    },
    {
      name: 'Desktop',
      files: { '/home/me/.docker/run/docker.sock': '' },
      expected: 'unix:///home/me/.docker/run/docker.sock',
    },
    { name: 'the usual place when there is nothing', files: {}, expected: 'unix:///var/run/docker.sock' },
    {
      name: 'the usual place when the configuration is broken',
      files: { '/home/me/.docker/config.json': '{' },
      expected: 'unix:///var/run/docker.sock',
    },
  ];
  for (const { name, connect, env = {}, files: present, expected } of table) {
    it(`finds ${name}`, () => {
      assert.equal(formatAddress(discover(connect, around(env, present)).address), expected);
    });
  }

  it('fails for a context that does not exist or cannot be read', () => {
    assert.throws(() => discover(undefined, around({ DOCKER_CONTEXT: 'gone' })), { code: 'backend-missing' });
    const broken = { ...config, [context('work')]: '{}' };
    assert.throws(() => discover(undefined, around({}, broken)), { code: 'backend-missing' });
  });

  it('takes certificates along', () => {
    const env = { DOCKER_HOST: 'tcp://h:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' };
    assert.deepEqual(discover(undefined, around(env)).address, {
      ...{ kind: 'tcp', host: 'h', port: 2376 },
      tls: { folder: '/certs', verify: true },
    });
  });
});

describe('addresses', () => {
  for (const text of ['unix:///a/b.sock', 'tcp://host:1234', 'tcp://[::1]:2375', 'https://h:2376']) {
    it(`${text} is understood and written the same`, () => {
      assert.equal(formatAddress(parseAddress(text)), text);
    });
  }
  for (const [text, code] of [
    ['ssh://me@far', 'unsupported'],
    ['npipe:////./pipe/x', 'unsupported'],
    ['unix://relative', 'usage'],
    ['tcp://h:99999', 'usage'],
    ['what', 'usage'],
  ] as const) {
    it(`${text} is refused as ${code}`, () => {
      assert.throws(() => parseAddress(text), { code });
    });
  }
});

describe('description of an engine', () => {
  const all = { MemoryLimit: true, SwapLimit: true, PidsLimit: true, CpuCfsPeriod: true, CpuCfsQuota: true };
  const table = [
    { name: 'with everything', info: all, expected: ['hard', 'hard', 'hard'] },
    {
      name: 'that cannot limit swap',
      info: { ...all, SwapLimit: false },
      expected: ['hard', 'best-effort', 'hard'],
    },
    {
      name: 'without control groups',
      info: { ...all, CgroupDriver: 'none' },
      expected: ['none', 'none', 'none'],
    },
    { name: 'that says nothing', info: {}, expected: ['none', 'none', 'none'] },
  ];
  for (const { name, info, expected } of table) {
    it(`${name} means that limits are ${expected.join(', ')}`, () => {
      const { cpus, memory, pids } = traitsOf(Info.parse(info)).resources;
      assert.deepEqual([cpus, memory, pids], expected);
    });
  }

  const found = { address: { kind: 'unix', path: '/s' }, from: 'the test' } as const;
  const judged = (change: Partial<Parameters<typeof judge>[0]>) =>
    judge(
      { found, version: '1.41', info: Info.parse(all), sight: 'all', options: {}, ...change },
      manifest.capabilities,
    );

  it('is an answer for whoever asks whether it can be used', () => {
    assert.equal(judged({}).kind, 'ready');
    assert.equal(judged({ version: '1.29' }).kind, 'missing');
    assert.equal(judged({ version: '2.0' }).kind, 'ready');
    assert.equal(judged({ sight: 'nothing' }).kind, 'missing');
    assert.equal(judged({ info: Info.parse({ OSType: 'windows' }) }).kind, 'missing');
  });

  it('raises the boundary only for a runtime that the engine has', () => {
    assert.equal(judged({ options: { runtime: 'runsc' } }).kind, 'missing');
    const info = Info.parse({ ...all, Runtimes: { runsc: {}, runc: {} } });
    const ready = judged({ options: { runtime: 'runsc' }, info });
    assert.equal(ready.kind === 'ready' && ready.capabilities.boundary, 'microvm');
    assert.deepEqual(
      [boundaryOf('runc'), boundaryOf('crun'), boundaryOf('kata-qemu')],
      ['container', 'container', 'microvm'],
    );
  });
});

describe('streams of an engine', () => {
  it('are taken apart wherever they were cut', () => {
    const frame = (kind: number, text: string): Buffer => {
      const head = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32BE(Buffer.byteLength(text), 4);
      return Buffer.concat([head, Buffer.from(text)]);
    };
    const all = Buffer.concat([frame(1, 'one'), frame(2, 'err'), frame(1, ''), frame(1, 'two')]);
    for (let size = 1; size <= all.length; size += 1) {
      const said = { output: '', error: '' };
      const take = createUnframer({
        output: piece => {
          said.output += piece.toString();
        },
        error: piece => {
          said.error += piece.toString();
        },
      });
      for (let at = 0; at < all.length; at += size) take(all.subarray(at, at + size));
      assert.deepEqual(said, { output: 'onetwo', error: 'err' }, `in pieces of ${size}`);
    }
  });

  it('report a pull that only goes on, to the end', () => {
    const percents: (number | undefined)[] = [];
    const report = pullProgress('x:1', ({ percent }) => percents.push(percent));
    for (const id of ['a', 'b']) report({ id, status: 'Pulling fs layer' });
    for (const [status, current] of [
      ['Downloading', 50],
      ['Downloading', 100],
      ['Extracting', 50],
    ] as const)
      for (const id of ['a', 'b']) report({ id, status, progressDetail: { current, total: 100 } });
    for (const id of ['a', 'b']) report({ id, status: 'Pull complete' });
    assert.deepEqual(
      percents,
      [...percents].sort((left, right) => (left ?? 0) - (right ?? 0)),
    );
    assert.equal(percents.at(-1), 100);
  });

  it('with one file give its content, and nothing for a link', () => {
    const entry = (type: string, content: string): Buffer => {
      const head = Buffer.alloc(512);
      head.write('passwd', 0);
      head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
      head.write(type, 156);
      return Buffer.concat([head, Buffer.from(content.padEnd(Math.ceil(content.length / 512) * 512, '\0'))]);
    };
    assert.equal(firstFile(entry('0', 'root:x'))?.toString(), 'root:x');
    assert.equal(firstFile(Buffer.concat([entry('x', 'pax'), entry('0', 'root:x')]))?.toString(), 'root:x');
    assert.equal(firstFile(entry('2', '')), undefined);
    assert.equal(firstFile(entry('0', 'root:x').subarray(0, 515)), undefined);
  });

  it('ask the registry that an image is named after', () => {
    const usual = 'https://index.docker.io/v1/';
    assert.deepEqual(
      ['debian:12', 'me/app:1', 'example.org/app:1', 'localhost/app:1', 'host:5000/app:1'].map(serverOf),
      [usual, usual, 'example.org', 'localhost', 'host:5000'],
    );
  });
});
