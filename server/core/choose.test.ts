// Which backend is chosen, why, and what is said when none can be.
import { strict as assert } from 'node:assert';
import type { Availability } from '../protocol/backend.ts';
import type { Backend } from './backend.ts';
import { chooseBackend, resolveBackend, type Wish } from './choose.ts';

const host = { platform: 'linux', arch: 'x64' };

type Given = {
  id: string;
  rank?: number;
  platform?: string;
  answer?: Availability['kind'];
  emulated?: boolean;
};

function backend({ id, rank = 1, platform = 'linux' }: Given): Backend {
  const manifest = {
    id,
    aliases: [`${id}-alias`],
    title: id.toUpperCase(),
    hosts: [{ platform, arch: ['x64'] }],
    rank: { worktree: rank, throwaway: -rank + 100 },
  };
  return {
    manifest: manifest as unknown as Backend['manifest'],
    load: () => Promise.reject(new Error('not loaded')),
  };
}

function answerOf(given: readonly Given[], { manifest }: Backend): Availability {
  const { answer = 'ready', emulated = false } = given.find(({ id }) => id === manifest.id) ?? {};
  if (answer === 'missing')
    return { kind: 'missing', what: `${manifest.id} is not there`, fix: `install ${manifest.id}` };
  if (answer === 'unsupported') return { kind: 'unsupported', why: `${manifest.id} cannot run` };
  return { kind: 'ready', version: '1', notes: [], capabilities: { emulated } as never };
}

async function choose(given: readonly Given[], wish: Partial<Wish> = {}) {
  const probed: string[] = [];
  const choice = await chooseBackend(
    given.map(backend),
    { purpose: 'worktree', host, ...wish },
    async candidate => {
      probed.push(candidate.manifest.id);
      return answerOf(given, candidate);
    },
  );
  return { id: choice.backend.manifest.id, reason: choice.reason, probed };
}

describe('choosing a backend', () => {
  it('takes the one that is named, by id or alias, and looks at no other', async () => {
    const given = [
      { id: 'weak', rank: 1 },
      { id: 'strong', rank: 9 },
    ];
    assert.deepEqual(await choose(given, { explicit: 'weak', setting: 'strong' }), {
      id: 'weak',
      reason: 'asked for by name',
      probed: ['weak'],
    });
    assert.equal((await choose(given, { explicit: 'strong-alias' })).id, 'strong');
  });

  it('prefers what runs at full speed to what is stronger but emulated, unless that is named', async () => {
    const given = [
      { id: 'weak', rank: 1 },
      { id: 'emulated', rank: 9, emulated: true },
    ];
    assert.equal((await choose(given)).id, 'weak');
    assert.equal((await choose(given, { explicit: 'emulated' })).id, 'emulated');
    const alone = await choose([given[1]!, { id: 'gone', rank: 5, answer: 'missing' }]);
    assert.equal(alone.id, 'emulated');
    assert.match(alone.reason, /emulate the processor/);
  });

  it('prefers what can start at once to what has to fetch an image first, unless that is named', async () => {
    const given = [
      { id: 'here', rank: 1 },
      { id: 'far', rank: 9 },
    ];
    const missingImage = async ({ manifest }: Backend) => (manifest.id === 'far' ? 'base:1' : undefined);
    assert.equal((await choose(given, { missingImage })).id, 'here');
    assert.equal((await choose(given, { missingImage, explicit: 'far' })).id, 'far');
    const alone = await choose([given[1]!, { id: 'gone', rank: 5, answer: 'missing' }], { missingImage });
    assert.match(alone.reason, /base:1 has to be fetched/);
  });

  it('takes the one of the settings when none is named', async () => {
    const chosen = await choose(
      [
        { id: 'weak', rank: 1 },
        { id: 'strong', rank: 9 },
      ],
      { setting: 'weak' },
    );
    assert.equal(chosen.id, 'weak');
    assert.match(chosen.reason, /backend_type/);
  });

  it('takes the strongest that is ready, and stops looking there', async () => {
    const given: Given[] = [
      { id: 'last', rank: 1 },
      { id: 'first', rank: 9, answer: 'missing' },
      { id: 'second', rank: 5 },
    ];
    const chosen = await choose(given);
    assert.deepEqual([chosen.id, chosen.probed], ['second', ['first', 'second']]);
    assert.match(chosen.reason, /strongest/);
  });

  it('has another order for another purpose', async () => {
    assert.equal(
      (
        await choose(
          [
            { id: 'low', rank: 1 },
            { id: 'high', rank: 9 },
          ],
          { purpose: 'throwaway' },
        )
      ).id,
      'low',
    );
  });

  it('never takes by itself one that ranks itself zero', async () => {
    assert.equal(
      (
        await choose([
          { id: 'never', rank: 0 },
          { id: 'some', rank: 1 },
        ])
      ).id,
      'some',
    );
    assert.equal((await choose([{ id: 'never', rank: 0 }], { explicit: 'never' })).id, 'never');
  });

  it('does not probe what cannot run on this system', async () => {
    const given: Given[] = [
      { id: 'mac', rank: 9, platform: 'darwin' },
      { id: 'here', rank: 1 },
    ];
    assert.deepEqual((await choose(given)).probed, ['here']);
    await assert.rejects(choose(given, { explicit: 'mac' }), {
      code: 'backend-missing',
      message: 'mac: MAC does not run on linux x64',
    });
  });

  it('does not fall back from a backend that was named', async () => {
    const given: Given[] = [{ id: 'named', answer: 'missing' }, { id: 'other' }];
    for (const wish of [{ explicit: 'named' }, { setting: 'named' }]) {
      await assert.rejects(choose(given, wish), { code: 'backend-missing', hint: 'install named' });
    }
  });

  it('names every fix when none is ready', async () => {
    const given: Given[] = [
      { id: 'a', answer: 'missing' },
      { id: 'b', answer: 'unsupported' },
      { id: 'c', answer: 'missing' },
    ];
    await assert.rejects(choose(given), {
      code: 'backend-missing',
      message: 'no backend is ready: a: a is not there; b: b cannot run; c: c is not there',
      hint: 'a: install a; c: install c',
    });
    await assert.rejects(choose([]), { code: 'backend-missing' });
  });

  it('suggests what an unknown name could have meant', () => {
    const known = ['bubblewrap', 'docker', 'firecracker', 'firecracker_containerd'].map(id =>
      backend({ id }),
    );
    const suggestions = (word: string): unknown => {
      try {
        return resolveBackend(known, word).manifest.id;
      } catch (error) {
        assert.ok(
          error instanceof Error && 'code' in error && error.code === 'backend-unknown' && 'data' in error,
        );
        return (error.data as { suggestions: string[] }).suggestions[0];
      }
    };
    const asked = ['bublewrap', 'Docker', 'dokcer', 'firecraker', 'docker-alias', 'zzzzzz'].map(suggestions);
    assert.deepEqual(asked, ['bubblewrap', 'docker', 'docker', 'firecracker', 'docker', undefined]);
  });

  it('says what there is when a backend is not part of this version', () => {
    assert.throws(() => resolveBackend([backend({ id: 'bubblewrap' })], 'hyperv'), {
      code: 'backend-unknown',
      message: 'this version has no backend "hyperv"',
      hint: 'available are: bubblewrap',
    });
  });
});
