// What is asked of an engine for each request, as tables: mounts, users, limits, networks.
import { strict as assert } from 'node:assert';
import type { LaunchRequest } from '../../core/backend.ts';
import { type Mount, SandboxId } from '../../protocol/sandbox.ts';
import { Info } from './answers.ts';
import { accountsFor, identityOf } from './identity.ts';
import { orderedMounts, refuseSockets } from './mounts.ts';
import { type PlanInput, planContainer } from './plan.ts';
import { traitsOf } from './traits.ts';

const request: LaunchRequest = {
  id: SandboxId.parse('sb-00000001'),
  name: 'demo',
  type: 'general',
  runtime: 'shell',
  workspace: '/w',
  mounts: [{ source: '/w', target: '/workspace', mode: 'rw' }],
  env: { OWN: 'a=b c' },
  network: 'none',
  limits: {},
  owner: { uid: 1000, gid: 1001 },
  options: {},
  cold: false,
};

const input: PlanInput = {
  request,
  mark: { store: 'store1', sandbox: 'sb-00000001', state: '/state' },
  image: 'sha256:1',
  facts: { env: { PATH: '/image/bin', LANG: 'de_DE.UTF-8', TOOL: 'x' }, shell: '/bin/bash' },
  identity: { uid: 1000, gid: 1001, userns: undefined },
  agent: '/agent',
  places: { home: '/h', passwd: '/p', group: '/g', hosts: '/hosts', filter: '/f' },
};

type Body = Record<string, unknown> & { HostConfig: Record<string, unknown>; Labels: Record<string, string> };

function bodyFor(change: Partial<LaunchRequest> = {}, more: Partial<PlanInput> = {}): Body {
  return planContainer({ ...input, ...more, request: { ...request, ...change } }).body as Body;
}

describe('plan of a container', () => {
  it('gives nothing that a container could break out with', () => {
    const { HostConfig: host, User: user } = bodyFor();
    assert.equal(user, '1000:1001');
    assert.deepEqual(
      [host['CapDrop'], host['SecurityOpt'], host['ReadonlyRootfs'], host['Privileged'], host['IpcMode']],
      [['ALL'], ['no-new-privileges'], true, false, 'private'],
    );
    for (const name of [
      'CapAdd',
      'Devices',
      'PidMode',
      'Binds',
      'CgroupnsMode',
      'PortBindings',
      'UsernsMode',
    ])
      assert.equal(name in host, false, name);
  });

  it('has the environment of the image, of heyvm and of the request, the last one winning', () => {
    assert.deepEqual(bodyFor({ env: { TOOL: 'mine', HOME: '/elsewhere' } })['Env'], [
      'LANG=de_DE.UTF-8',
      'TOOL=mine',
      'PATH=/home/dev/.local/bin:/image/bin',
      'HOME=/elsewhere',
      'USER=dev',
      'LOGNAME=dev',
      'SHELL=/bin/bash',
      'WORKSPACE=/workspace',
      'HEYVM_SANDBOX=demo',
    ]);
  });

  for (const { name, limits, expected } of [
    { name: 'nothing but a flood of processes', limits: {}, expected: { PidsLimit: 16_384 } },
    {
      name: 'memory',
      limits: { memory: 1 << 28 },
      expected: { Memory: 1 << 28, MemorySwap: 1 << 28, ShmSize: 1 << 28 },
    },
    { name: 'processors', limits: { cpus: 1.5 }, expected: { NanoCpus: 1_500_000_000 } },
    { name: 'processes', limits: { pids: 20 }, expected: { PidsLimit: 36 } },
  ]) {
    it(`bounds ${name} as asked`, () => {
      const host = bodyFor({ limits }).HostConfig;
      const found = ['Memory', 'MemorySwap', 'NanoCpus'].filter(key => key in host);
      assert.deepEqual(
        found,
        Object.keys(expected).filter(key => !['ShmSize', 'PidsLimit'].includes(key)),
      );
      for (const [key, value] of Object.entries(expected)) assert.equal(host[key], value, key);
    });
  }

  it('lets no temporary folder take more than half of the memory', () => {
    const { Tmpfs: temporary } = bodyFor({ limits: { memory: 1000 } }).HostConfig;
    assert.match(String((temporary as Record<string, string>)['/tmp']), /size=500$/);
  });

  it('has a network only when one is asked for, and writes hosts only when the engine does not', () => {
    const facts = (network: 'none' | 'open') => {
      const body = bodyFor({ network });
      const mounts = body.HostConfig['Mounts'] as { Target: string }[];
      const hosts = mounts.some(({ Target }) => Target === '/etc/hosts');
      return [body['NetworkDisabled'], body.HostConfig['NetworkMode'], hosts];
    };
    assert.deepEqual(
      [facts('none'), facts('open')],
      [
        [true, 'none', true],
        [false, 'bridge', false],
      ],
    );
  });

  it('names the runtime and the user namespace only when there is something to say', () => {
    const { HostConfig: host } = bodyFor(
      { options: { runtime: 'runsc' } },
      { identity: { uid: 1, gid: 1, userns: 'host' } },
    );
    assert.deepEqual([host['Runtime'], host['UsernsMode']], ['runsc', 'host']);
  });

  it('has a fingerprint that changes with everything that the container is made from', () => {
    const print = (change: Partial<LaunchRequest>): string =>
      planContainer({ ...input, request: { ...request, ...change } }).fingerprint;
    const all = [
      {},
      { env: {} },
      { network: 'open' },
      { limits: { pids: 1 } },
      { options: { debug: true } },
    ] as const;
    const prints = all.map(change => print(change));
    // The option debug lies in the filter, which is a file that is bound.
    assert.deepEqual([new Set(prints).size, prints[4]], [4, prints[0]]);
  });

  it('carries the labels by which it is found again', () => {
    const labels = bodyFor().Labels;
    assert.deepEqual(
      [labels['heyvm.store'], labels['heyvm.sandbox'], labels['heyvm.state'], labels['heyvm.kind']],
      ['store1', 'sb-00000001', '/state', 'sandbox'],
    );
  });
});

describe('mounts for an engine', () => {
  const mount = (target: string, mode: Mount['mode'] = 'ro', source = `/from${target}`): Mount => ({
    ...{ source, target, mode },
  });
  const targets = (...mounts: Mount[]): string[] => orderedMounts(mounts).map(({ target }) => target);

  it('lie deeper ones over those above them, whatever the order of the engine', () => {
    assert.deepEqual(targets(mount('/a'), mount('/b/c/d'), mount('/b/c')), ['/a', '/b/c']);
    assert.deepEqual(targets(mount('/b/c'), mount('/b/c/d'), mount('/a')), ['/a', '/b/c', '/b/c/d']);
  });

  it('are taken once, the last one winning', () => {
    assert.deepEqual(orderedMounts([mount('/a', 'rw', '/one'), mount('/a', 'ro', '/two')]), [
      mount('/a', 'ro', '/two'),
    ]);
  });

  it('of names that begin alike do not cover each other', () => {
    assert.deepEqual(targets(mount('/data1'), mount('/data')), ['/data1', '/data']);
  });

  for (const source of ['/run/docker.sock', '/run', '/']) {
    it(`of ${source} are refused, because the engine’s socket is in there`, () => {
      assert.throws(() => refuseSockets([mount('/x', 'ro', source)], ['/run/docker.sock']), {
        code: 'policy-refused',
      });
    });
  }

  it('beside the socket are taken', () => {
    refuseSockets([mount('/x', 'ro', '/run/docker'), mount('/y', 'ro', '/ru')], ['/run/docker.sock']);
  });
});

describe('users of a container', () => {
  const traits = (...options: string[]) => traitsOf(Info.parse({ SecurityOptions: options }));
  const owner = { uid: 1000, gid: 100 };

  it('have the numbers of who owns the workspace', () => {
    assert.deepEqual(identityOf(owner, traits(), 0), { uid: 1000, gid: 100, userns: undefined });
  });

  it('are root where a rootless engine maps that to its user, and refused for anybody else', () => {
    assert.deepEqual(identityOf(owner, traits('name=rootless'), 1000), { uid: 0, gid: 0, userns: undefined });
    assert.throws(() => identityOf(owner, traits('name=rootless'), 1001), { code: 'policy-unenforceable' });
  });

  it('keep their numbers where the engine would map them', () => {
    assert.equal(identityOf(owner, traits('name=userns'), 0).userns, 'host');
  });

  it('have a name before those of the image, which lose one of the same name', () => {
    const image = {
      passwd: 'root:x:0:0::/root:/bin/sh\ndev:x:7:7::/x:/x\nnode:x:1000:1000::/home/node:/bin/sh\n',
      group: '',
    };
    const { passwd, group } = accountsFor(
      image,
      { uid: 1000, gid: 100, userns: undefined },
      { name: 'dev', home: '/home/dev', shell: '/bin/bash' },
    );
    assert.deepEqual(
      passwd
        .trim()
        .split('\n')
        .map(line => line.split(':').slice(0, 3).join(':')),
      [...['dev:x:1000', 'root:x:0', 'node:x:1000', 'nobody:x:65534']],
    );
    assert.equal(group, 'dev:x:100:\nroot:x:0:\n');
  });
});
