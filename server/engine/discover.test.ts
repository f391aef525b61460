// Where an engine is looked for, what an address means, and how its streams are taken apart, as tables.
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { formatAddress, parseAddress } from './address.ts';
import { discover, type Surroundings } from './discover.ts';
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
  for (const text of [
    'unix:///a/b.sock',
    'tcp://host:1234',
    'tcp://[::1]:2375',
    'https://h:2376',
    'ssh://far',
    'ssh://me@far:2222',
  ]) {
    it(`${text} is understood and written the same`, () => {
      assert.equal(formatAddress(parseAddress(text)), text);
    });
  }
  for (const [text, code] of [
    ['ssh://-oProxyCommand=x', 'usage'],
    ['ssh://me@far/path', 'usage'],
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
});
