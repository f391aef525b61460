// What a backend cannot enforce is found before anything starts, and refused.
import { strict as assert } from 'node:assert';
import type { Capabilities } from '../protocol/backend.ts';
import { type Asked, cautionsOf, gapsOf, refuseGaps } from './conform.ts';
import { gitOf, runtimeOf } from './presets.ts';

const capabilities: Capabilities = {
  boundary: 'container',
  lifetime: 'owned',
  workspace: 'bind',
  git: ['narrowed'],
  network: ['none', 'open'],
  runtimes: ['shell', 'python'],
  resources: { cpus: 'none', memory: 'best-effort', pids: 'hard', wall: 'hard' },
  exec: { pty: true, signals: true, user: false },
  dial: [],
  files: 'live',
  snapshots: 'none',
  pause: false,
  editor: true,
  caveats: [],
};

const nothing: Asked = { network: 'none', limits: {}, runtime: 'shell', type: 'general' };

describe('what a backend can enforce', () => {
  const fine: Partial<Asked>[] = [
    {},
    { network: 'open' },
    { runtime: 'python' },
    { limits: { memory: 1, pids: 1, wall: 1 } },
    { type: 'code' },
    { git: 'none' },
    { git: 'narrowed' },
    { runtime: undefined },
  ];
  for (const asked of fine) {
    it(`covers ${JSON.stringify(asked)}`, () => {
      assert.deepEqual(gapsOf(capabilities, { ...nothing, ...asked }), []);
    });
  }

  const gaps: [Partial<Asked>, string, string][] = [
    [{ network: 'allowlist' }, 'network', 'network allowlist'],
    [{ limits: { cpus: 1 } }, 'limit', 'a cpus limit'],
    [{ runtime: 'node' }, 'runtime', 'the node runtime'],
    [{ type: 'desktop' }, 'type', 'type desktop'],
    [{ image: 'debian' }, 'image', 'image debian'],
    [{ user: 'vscode' }, 'user', 'user vscode'],
    [{ git: 'private' }, 'git', 'git mode private'],
  ];
  for (const [asked, kind, name] of gaps) {
    it(`does not cover ${JSON.stringify(asked)}`, () => {
      const found = gapsOf(capabilities, { ...nothing, ...asked });
      assert.deepEqual(
        found.map(gap => [gap.kind, gap.asked]),
        [[kind, name]],
      );
    });
  }

  it('names every gap at once', () => {
    const asked: Asked = { ...nothing, network: 'allowlist', limits: { cpus: 2 }, image: 'x' };
    assert.throws(() => refuseGaps('some', gapsOf(capabilities, asked)), {
      code: 'policy-unenforceable',
      message: /network allowlist .*; a cpus limit .*; image x /,
    });
  });

  it('calls a missing runtime by its name when that is all', () => {
    assert.throws(() => refuseGaps('some', gapsOf(capabilities, { ...nothing, runtime: 'node' })), {
      code: 'runtime-missing',
      hint: /apt install nodejs/,
    });
  });

  it('lets pass what has no gaps', () => {
    refuseGaps('some', []);
  });

  it('counts what is not declared as not enforceable', () => {
    const { images, types, ...rest } = { ...capabilities, images: undefined, types: undefined };
    assert.deepEqual([images, types], [undefined, undefined]);
    assert.equal(gapsOf(rest, { ...nothing, image: 'x', type: 'browser' }).length, 2);
    assert.deepEqual(
      gapsOf({ ...rest, images: ['oci'], types: ['browser'] }, { ...nothing, image: 'x', type: 'browser' }),
      [],
    );
  });

  it('shows a worktree without git where that is claimed, says so, and refuses it elsewhere', () => {
    const asked = { ...nothing, git: 'narrowed' } as const;
    const without: Capabilities = { ...capabilities, git: ['none'] };
    assert.deepEqual([gitOf(without, 'general'), gitOf(capabilities, 'general')], ['none', 'narrowed']);
    assert.deepEqual(gapsOf(without, asked), []);
    assert.deepEqual(cautionsOf(without, asked), ['git does not work inside; commit on this machine']);
    assert.equal(gapsOf({ ...capabilities, git: [] }, asked).length, 1);
  });

  it('gives what the backend offers first when no runtime is asked for', () => {
    assert.equal(runtimeOf({ ...capabilities, runtimes: ['wasm', 'python'] }), 'wasm');
    assert.equal(runtimeOf(capabilities), 'shell');
  });

  it('says which limits hold only for each process', () => {
    assert.deepEqual(cautionsOf(capabilities, { ...nothing, limits: { memory: 1, pids: 1 } }), [
      'the memory limit holds for each process, not for the sandbox as a whole',
    ]);
  });
});
