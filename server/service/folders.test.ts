// Folders that would show a guest what controls every sandbox, by whatever way they lead there.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathsOf } from '../store/paths.ts';
import { checkMount, checkWorkspace } from './folders.ts';

describe('folders that guests are to see', () => {
  let base: string;
  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'hvf-')));
    mkdirSync(join(base, 'real', 'person', 'project'), { recursive: true });
    symlinkSync('real', join(base, 'home'));
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  for (const made of ['made', 'not made yet'] as const) {
    it(`never contain the store, also where a link leads to it: ${made}`, async () => {
      const paths = pathsOf({ HEYO_HOME: join(base, 'home', 'person', '.heyo') });
      if (made === 'made') mkdirSync(join(paths.home, 'run'), { recursive: true });
      for (const folder of ['real', 'home', 'real/person', 'home/person']) {
        const source = join(base, folder);
        await assert.rejects(checkWorkspace(paths, source), { code: 'policy-refused' });
        const mount = { source, target: '/data', mode: 'ro' } as const;
        await assert.rejects(checkMount(paths, mount), { code: 'policy-refused' });
      }
      const project = join(base, 'real', 'person', 'project');
      assert.equal(await checkWorkspace(paths, join(base, 'home', 'person', 'project')), project);
    });
  }

  it('do not lie in the store', async () => {
    const paths = pathsOf({ HEYO_HOME: join(base, 'home', 'person', '.heyo') });
    mkdirSync(join(paths.home, 'sandboxes'), { recursive: true });
    await assert.rejects(checkWorkspace(paths, join(base, 'real', 'person', '.heyo', 'sandboxes')), {
      code: 'policy-refused',
    });
  });
});
