// What an engine's description means, and what is read from its answers, as tables.
import { strict as assert } from 'node:assert';
import { Info } from './answers.ts';
import { serverOf } from './credentials.ts';
import { manifest } from './manifest.ts';
import { judge } from './probe.ts';
import { pullProgress } from './pull.ts';
import { firstFile } from './tar.ts';
import { boundaryOf, traitsOf } from './traits.ts';

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
