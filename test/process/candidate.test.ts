// A process that will own a sandbox, before it is told which: it leaves nothing, whoever ends and when.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectOwner } from '../../server/owner/candidate.ts';
import { type Bundle, bundle, guestProgram, ownerProgram } from '../../server/platform/bundle.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { eventually } from '../support/eventually.ts';
import { type Engine, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('an owner that was not told yet what it owns', function () {
  this.timeout(120_000);
  let engine: Engine;

  before(needEngine);
  beforeEach(async () => {
    engine = newEngine();
    // From then on its programs are there, and a process can be started before anything is known.
    const { id } = await engine.create();
    await engine.call('sandbox/remove', { sandbox: id, force: true });
  });
  afterEach(() => engine.dispose());

  const expected = () => expectOwner({ paths: engine.paths, env: process.env, bundle });
  const begun = () => eventually(() => processesOf(engine.paths).length === 1);
  const gone = () => eventually(() => processesOf(engine.paths).length === 0);
  const files = (): string[] =>
    readdirSync(engine.home, { recursive: true, encoding: 'utf8' }).filter(name => !name.startsWith('cache'));

  it('ends by itself, and has written nothing, when whoever started it is gone', async () => {
    const before = files();
    const candidate = expected().take() ?? assert.fail('none was started');
    const ended = once(candidate.child, 'exit');
    candidate.pipe.destroy();
    assert.deepEqual(await ended, [0, null]);
    assert.equal(await candidate.words(), '');
    assert.deepEqual(files(), before);
    await gone();
  });

  it('is ended when there is nothing to own', async () => {
    const early = expected();
    await begun();
    await early.dismiss();
    await gone();
  });

  it('is gone with the call that failed', async () => {
    const missing = join(engine.home, 'nowhere');
    await assert.rejects(engine.create({ workspace: missing }), /nowhere/);
    await gone();
  });

  it('is taken once', async () => {
    const early = expected();
    const taken = early.take() ?? assert.fail('none was started');
    assert.equal(early.take(), undefined);
    await early.dismiss();
    assert.equal(taken.child.killed, false);
    taken.pipe.destroy();
  });

  it('is not started from programs that are not there', () => {
    assert.equal(
      expectOwner({ paths: engine.paths, env: {}, bundle: { ...bundle, build: 'other' } }).take(),
      undefined,
    );
  });

  it('says what it broke of, and later writes such words into the log', async () => {
    const { id, owner } = await engine.create();
    const log = sandboxPaths(engine.paths, id).log;
    assert.deepEqual(
      [1, 2].map(number => readlinkSync(`/proc/${owner?.pid}/fd/${number}`)),
      [log, log],
    );
    const broken = newEngine({ bundle: brokenIn(engine.home) });
    try {
      await assert.rejects(broken.create(), ({ data }: { data: { log: string } }) =>
        /no such thing/.test(data.log),
      );
    } finally {
      await broken.dispose();
    }
  });
});

/** Programs of which that of the owner cannot even be loaded. */
function brokenIn(home: string): Bundle {
  const folder = join(home, 'broken');
  mkdirSync(folder);
  cpSync(guestProgram(bundle.folder), guestProgram(folder));
  for (const name of readdirSync(bundle.folder).filter(each => each.endsWith('.cjs')))
    writeFileSync(join(folder, name), '');
  writeFileSync(
    ownerProgram(folder),
    `throw new Error('no such thing');\n${readFileSync(ownerProgram(bundle.folder))}`,
  );
  return { folder, build: 'broken' };
}
