// Where control groups are looked for, and what is written to them, for both versions and their mixtures.
import { strict as assert } from 'node:assert';
import { candidatesOf } from './cgroupPaths.ts';
import { OWN_TASKS, settingsOf } from './cgroups.ts';
import { resourcesOf } from './probe.ts';

describe('control groups', () => {
  it('of version 1 are found below our own place of each controller', () => {
    const found = candidatesOf({
      own: '9:memory:/session/one\n4:cpu,cpuacct:/\n3:pids:/\n0::/\n',
      mounts: [
        '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
        '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct',
        '39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:1 - cgroup cgroup rw,pids',
        '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
      ].join('\n'),
    });
    assert.deepEqual(found.slice(0, 3), [
      { version: 1, folder: '/sys/fs/cgroup/memory/session/one', controllers: ['memory'] },
      { version: 1, folder: '/sys/fs/cgroup/pids', controllers: ['pids'] },
      { version: 1, folder: '/sys/fs/cgroup/cpu', controllers: ['cpu'] },
    ]);
    assert.deepEqual(found.map(({ folder }) => folder).at(-1), '/sys/fs/cgroup/unified');
  });

  it('of version 2 are looked for above our own place, the nearest first', () => {
    const found = candidatesOf({
      own: '0::/user.slice/user-1000.slice/user@1000.service/app.slice/app.scope\n',
      mounts: '30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate',
    });
    assert.deepEqual(
      found.map(({ folder }) => folder.slice('/sys/fs/cgroup'.length)),
      [
        '/user.slice/user-1000.slice/user@1000.service/app.slice',
        '/user.slice/user-1000.slice/user@1000.service',
        '/user.slice/user-1000.slice',
        '/user.slice',
        '',
      ],
    );
  });

  it('are found where only a part of the tree is mounted, as in containers', () => {
    const inside = candidatesOf({
      own: '5:memory:/docker/abc/inner\n',
      mounts: '35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    });
    assert.equal(inside[0]?.folder, '/sys/fs/cgroup/memory/inner');
    const outside = candidatesOf({
      own: '5:memory:/elsewhere\n',
      mounts: '35 31 0:32 /docker/abc /sys/fs/cgroup/a\\040b rw - cgroup cgroup rw,memory',
    });
    assert.equal(outside[0]?.folder, '/sys/fs/cgroup/a b');
  });

  it('are none where nothing is mounted', () => {
    assert.deepEqual(candidatesOf({ own: '', mounts: '22 27 0:21 / /proc rw - proc proc rw' }), []);
  });

  it('are set only for what is limited and what the group controls', () => {
    const limits = { memory: 1_000_000, pids: 10, cpus: 1.5 };
    const files = (version: 1 | 2, controllers: ('memory' | 'pids' | 'cpu')[], given = limits) =>
      settingsOf({ version, controllers }, given).map(({ file, value }) => `${file}=${value}`);
    assert.deepEqual(files(1, ['memory']), [
      'memory.limit_in_bytes=1000000',
      'memory.memsw.limit_in_bytes=1000000',
    ]);
    assert.deepEqual(files(1, ['cpu']), ['cpu.cfs_period_us=100000', 'cpu.cfs_quota_us=150000']);
    assert.deepEqual(files(2, ['memory', 'pids', 'cpu']), [
      'memory.max=1000000',
      'memory.swap.max=0',
      `pids.max=${10 + OWN_TASKS}`,
      'cpu.max=150000 100000',
    ]);
    assert.deepEqual(settingsOf({ version: 2, controllers: ['memory', 'pids', 'cpu'] }, {}), []);
    assert.deepEqual(files(2, []), []);
  });
});

describe('resources of a host', () => {
  const all = [{ version: 2, folder: '/x', controllers: ['memory', 'pids', 'cpu'] }] as const;
  const table = [
    { name: 'with all controllers', homes: all, uid: 0, kernel: '6.1.0', expected: ['hard', 'hard', 'hard'] },
    {
      name: 'as root without groups',
      homes: [],
      uid: 0,
      kernel: '6.1.0',
      expected: ['none', 'best-effort', 'none'],
    },
    {
      name: 'as a user without groups',
      homes: [],
      uid: 1000,
      kernel: '6.1.0-13-amd64',
      expected: ['none', 'best-effort', 'hard'],
    },
    {
      name: 'as a user of an old kernel',
      homes: [],
      uid: 1000,
      kernel: '5.10.0',
      expected: ['none', 'best-effort', 'none'],
    },
  ];
  for (const { name, expected, ...host } of table) {
    it(`are named as they are ${name}`, () => {
      const { cpus, memory, pids, wall } = resourcesOf(host);
      assert.deepEqual([cpus, memory, pids, wall], [...expected, 'hard']);
    });
  }
});
