// From branches to names: what they look like, and that two branches never share one.
import { strict as assert } from 'node:assert';
import { parse } from '../../server/protocol/parse.ts';
import { SandboxName } from '../../server/protocol/sandbox.ts';
import { labelsOf, sandboxNameOf, slugOf, worktreePathOf } from '../../server/worktrees/slug.ts';

describe('the slug of a branch', () => {
  const table: Readonly<Record<string, string>> = {
    main: 'main',
    'feature/login': 'feature-login',
    'feature/A': 'feature-a',
    fix_the__thing: 'fix-the-thing',
    'release/1.2.x': 'release-1.2.x',
    'Ünïcode/Straße': 'unicode-stra-e',
    'a..b': 'a.b',
    '-x-': 'x',
    '.hidden/.x': 'hidden.x',
  };
  for (const [branch, slug] of Object.entries(table)) {
    it(`of ${branch} is ${slug}`, () => assert.equal(slugOf(branch), slug));
  }

  it('is never empty and never long', () => {
    for (const branch of ['日本語', '///', 'x'.repeat(300), `${'x'.repeat(39)}/y`]) {
      const slug = slugOf(branch);
      assert.ok(slug.length > 0 && slug.length <= 40, slug);
      for (const label of labelsOf('/repo', branch)) {
        assert.equal(parse(SandboxName, sandboxNameOf(label)).ok, true, label);
      }
    }
  });

  it('has a second form that differs by branch and by repository', () => {
    const [plain, own] = labelsOf('/repo', 'feature/A');
    assert.equal(plain, labelsOf('/repo', 'feature-a')[0]);
    assert.notEqual(own, labelsOf('/repo', 'feature-a')[1]);
    assert.notEqual(own, labelsOf('/other', 'feature/A')[1]);
    assert.equal(own, labelsOf('/repo', 'feature/A')[1]);
  });
});

describe('the path of a worktree', () => {
  it('comes from a template seen from the repository', () => {
    const names = { label: 'feature-a', branch: 'feature/A' };
    assert.equal(worktreePathOf('../<slug>', '/src/repo', names), '/src/feature-a');
    assert.equal(worktreePathOf('../{repo}.wt/{slug}', '/src/repo', names), '/src/repo.wt/feature-a');
    assert.equal(worktreePathOf('/wt/<repo>/<branch>', '/src/bare.git', names), '/wt/bare/feature/A');
    assert.equal(worktreePathOf('.worktrees/<slug>', '/src/repo', names), '/src/repo/.worktrees/feature-a');
  });
});
