import { strict as assert } from 'node:assert';
import { parseProject } from './parse.ts';
import { asksOf, type Project, projectOf, type Standing } from './spec.ts';

const standing: Standing = { network: 'none', limits: {}, isInside: path => path.startsWith('/p/') };

function project(text: string): Project {
  const parsed = parseProject(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return projectOf(parsed.file, path => (path.startsWith('/') ? path : `/p/${path.replace(/^\.\//, '')}`));
}

describe('what a project file means', () => {
  it('is a sandbox with absolute paths, bytes and seconds', () => {
    const text = `
name: shop
image: node:24
env: { A: b }
ports: [3000, "8080:80"]
mounts: [{ source: ./data, target: /data, mode: rw }, { source: /srv, target: /srv }]
limits: { memory: 2g, disk: 5, wall: 1h, cpus: 2 }
ttl: 1500ms`;
    assert.deepEqual(project(text).spec, {
      name: 'shop',
      image: 'node:24',
      env: { A: 'b' },
      ports: [{ guest: 3000 }, { guest: 80, host: 8080 }],
      mounts: [
        { source: '/p/data', target: '/data', mode: 'rw' },
        { source: '/srv', target: '/srv', mode: 'ro' },
      ],
      limits: { memory: 2 * 2 ** 30, disk: 5, wall: 3600, cpus: 2 },
      ttl_seconds: 2,
    });
    assert.equal(project('image: ./tool.wasm').spec.image, '/p/tool.wasm');
  });

  it('gives lines to the shell inside and words to nobody', () => {
    const { setup, command, ready } = project(
      'setup: [npm ci, [npm, ci]]\ncommand: a; b\nready: { port: 1 }',
    );
    assert.deepEqual(setup, [
      ['sh', '-c', 'npm ci'],
      ['npm', 'ci'],
    ]);
    assert.deepEqual(command, ['sh', '-c', 'a; b']);
    assert.deepEqual([ready?.port, ready?.timeoutMs], [1, 60_000]);
  });
});

describe('what somebody has to agree to', () => {
  const asked = (text: string, over: Partial<Standing> = {}) =>
    asksOf(project(text), { ...standing, ...over }).map(({ what }) => what);

  const table: readonly (readonly [text: string, asks: readonly string[], over?: Partial<Standing>])[] = [
    ['name: a\nbackend: docker\nports: [3000]\nsetup: [make]\nttl: 1h', []],
    ['network: none', [], { network: 'open' }],
    ['network: open', ['network open']],
    ['network: open', [], { network: 'open' }],
    ['network: allowlist', ['network allowlist']],
    ['ports: ["80:80"]', ['port 80 of this machine']],
    ['mounts: [{ source: data, target: /d, mode: rw }]', []],
    ['mounts: [{ source: /etc, target: /d }]', ['mount of /etc at /d (ro)']],
    ['image: /srv/disk.qcow2', ['image /srv/disk.qcow2']],
    ['image: { dockerfile: D }', ['build of D']],
    ['limits: { memory: 4g }', [`memory ${2 ** 32}`], { limits: { memory: 2 ** 30 } }],
    ['limits: { memory: 1m }', [], { limits: { memory: 2 ** 30 } }],
    ['backend: bubblewrap', ['backend bubblewrap'], { weaker: 'its wall is weaker' }],
  ];
  for (const [text, asks, over] of table) {
    it(`${JSON.stringify(text)}: ${asks.join(', ') || 'nothing'}`, () => {
      assert.deepEqual(asked(text, over), asks);
    });
  }
});
